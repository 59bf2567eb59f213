/** Where something was written: a file relative to the policy folder, and a position counted from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Characters to underline in a source frame; 1 when absent. */
  readonly length?: number
}

/** The place as operators read it: `orders.yaml:14:5`. */
export function formatPlace(place: Place): string {
  return `${place.file}:${place.line}:${place.column}`
}
