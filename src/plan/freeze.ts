/** Freezes plain data all the way down; what is frozen already is taken to be so below. */
export function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) freeze(value)
  return value
}

function freeze(value: object): void {
  Object.freeze(value)
  // `Object.values` would make a list per object: a plan of 10,000 routes has half a million of them.
  for (const key in value) {
    const part: unknown = value[key as keyof typeof value] // its own key
    if (part !== null && typeof part === 'object' && !Object.isFrozen(part)) freeze(part)
  }
}
