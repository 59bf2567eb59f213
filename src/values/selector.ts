/** Where a value of a request is found. The whole expression language of policies: POLICY.md, principle 6. */
export type Selector =
  | { readonly from: 'ip' | 'route' }
  | { readonly from: 'client'; readonly field: 'id' | 'plan' }
  | { readonly from: 'header' | 'query' | 'path'; readonly name: string }
  /** Claim path, outermost first: `jwt.realm.plan` and `jwt:/realm/plan` are both ['realm', 'plan']. */
  | { readonly from: 'jwt'; readonly path: readonly string[] }
  /** JSON pointer into the parsed body, outermost first. */
  | { readonly from: 'body'; readonly path: readonly string[] }
