import type { PlatformId, UpstreamPlan } from '../../plan/plan.js'
import type { ResponseSettings } from '../../stages/response/stage.js'
import { parseCidr } from '../../values/cidr.js'
import { isLoopback } from '../addresses.js'
import { platformOf } from '../platforms.js'
import { entrySection } from '../section.js'
import type { AuditedRoute, Merge, RuleTable } from './finding.js'
import { gatewayPatch, routePatch, sharedPatch } from './patch.js'

/** What can be reached, and what can be read on the way. */
export const exposure: RuleTable = {
  routes: {
    'audit.authorization-over-http': (route) => {
      const authorization = route.forward?.authorization ?? 'drop'
      if (authorization === 'drop' || route.upstream === undefined || !isPlain(route.upstream)) return undefined
      return {
        at: route.policy.get('forward', 'authorization').place,
        subject: route.id,
        message: `The caller's Authorization goes on to ${route.upstream.origin}, unencrypted.`,
        hint: 'Drop it and hand on claims, or reach the function over https.',
        patch: routePatch(route, { forward: { authorization: 'drop' } }),
      }
    },
    'audit.cors-any-origin': (route) => {
      const origins = route.policy.get('cors', 'origins')
      const isAny = Array.isArray(origins.value) && origins.value.includes('*')
      // What everybody may read without credentials, pages may read as well.
      if (!isAny || (route.auth.method === 'none' && !route.writes)) return undefined
      return {
        at: origins.place,
        subject: route.id,
        message: `Pages of every origin may call ${route.id} with the credentials they hold, and read the answers.`,
        hint: 'Name the origins of your own pages.',
      }
    },
    'audit.errors-pass': (route) => {
      if (responseOf(route)?.errors !== 'pass') return undefined
      return {
        at: route.policy.get('response', 'errors').place,
        subject: route.id,
        message: 'Bodies of 5xx answers leave as the function wrote them.',
        hint: 'Mask them: the record keeps what operators need.',
        patch: routePatch(route, { response: { errors: 'mask' } }),
      }
    },
    'audit.security-headers-off': (route) => {
      if (responseOf(route)?.security !== null) return undefined
      return {
        at: route.policy.get('response', 'headers', 'security').place,
        subject: route.id,
        message: 'Answers leave without security headers.',
        hint: 'strict is for APIs; basic for pages that bring a policy of their own.',
        patch: routePatch(route, { response: { headers: { security: 'strict' } } }),
      }
    },
  },

  set: {
    'audit.upstream-open': ({ plan }) =>
      Object.values(plan.upstreams).flatMap((upstream) => {
        const platform = platformOf(hostOf(upstream))
        if (platform === undefined || upstream.auth.kind !== 'none') return []
        const { id } = platform
        const secret = `${upstream.name.replace(/[^A-Za-z0-9]/g, '_')}_key`
        const value = `\${secret:${secret}}`
        const bySecret = `Let the function ask for a secret that the gateway sends; declare it in gateway.yaml: secrets: { ${secret}: { env: ${secret.toUpperCase()} } }.`
        const hints: Partial<Record<typeof id, string>> = {
          'aws-lambda': 'Give the URL AuthType AWS_IAM and the gateway its two permissions: postern iam print.',
          'google-cloud-run': 'Take away allUsers and give the gateway run.invoker: postern iam print.',
          'google-cloud-functions': 'Take away allUsers and give the gateway run.invoker: postern iam print.',
        }
        return [
          {
            at: upstream.declaredAt,
            subject: `upstreams.${upstream.name}`,
            message: `${upstream.name} is on ${platform.name} and takes every call: whoever learns its URL walks around the gateway.`,
            hint: hints[id] ?? bySecret,
            patch: sharedPatch('upstreams', upstream, { auth: signInAt(id, value) }),
          },
        ]
      }),
    'audit.upstream-plain-http': ({ plan, written }) =>
      Object.values(plan.upstreams).flatMap((upstream) => {
        const entry = written.upstreams.entries.get(upstream.name)
        if (entry === undefined || !isPlain(upstream) || entrySection(entry).get('insecure').value !== undefined)
          return []
        return [
          {
            at: entrySection(entry).get('url').place,
            subject: `upstreams.${upstream.name}`,
            message: `Requests to ${upstream.name} travel as plain http.`,
            hint: 'Use https; or write down why this is acceptable, such as the same pod: insecure: <reason>.',
            patch: sharedPatch('upstreams', upstream, {
              url: `${upstream.origin.replace('http:', 'https:')}${upstream.basePath}`,
            }),
          },
        ]
      }),
    'audit.issuer-plain-http': ({ plan, written }) =>
      Object.values(plan.issuers).flatMap((issuer) => {
        const url =
          issuer.keys.kind === 'jwksUri' ? issuer.keys.url : issuer.keys.kind === 'discovery' ? issuer.issuer : ''
        const entry = written.issuers.entries.get(issuer.name)
        if (entry === undefined || !isPlainUrl(url)) return []
        const key = issuer.keys.kind === 'jwksUri' ? 'jwksUri' : 'issuer'
        return [
          {
            at: entrySection(entry).get(key).place,
            subject: `issuers.${issuer.name}`,
            message: `The keys of ${issuer.name} are fetched over plain http: whoever stands between signs in as anyone.`,
            hint: 'Fetch them over https, or bring them along: jwks: ./keys.json.',
            patch: sharedPatch('issuers', issuer, { [key]: url.replace('http:', 'https:') }),
          },
        ]
      }),
    'audit.admin-open': ({ plan, written }) => {
      const { admin } = plan.gateway.listeners
      if (isLoopback(admin.host) || admin.token !== null) return []
      return [
        {
          at: written.gateway.get('listeners', 'admin', 'address').place,
          subject: 'gateway',
          message: `The admin listener on ${admin.host} can be reached from other machines, and asks for no token.`,
          hint: 'Set one, from an environment variable or a file; or listen on 127.0.0.1.',
          patch: gatewayPatch({
            secrets: { admin_token: { env: 'POSTERN_ADMIN_TOKEN' } },
            listeners: { admin: { token: '${secret:admin_token}' } },
          }),
        },
      ]
    },
    'audit.proxies-unknown': ({ plan, written }) => {
      const { host } = plan.gateway.listeners.public
      // An empty list says that nothing stands in front; silence may mean that nobody thought of it.
      if (isLoopback(host) || written.gateway.get('trustedProxies').value !== undefined) return []
      return [
        {
          at: written.gateway.get('listeners', 'public', 'address').place,
          subject: 'gateway',
          message: `The gateway listens on ${host}, and nobody says whether a load balancer stands in front of it.`,
          hint: 'Name its network, or say that there is none, as here.',
          patch: gatewayPatch({ trustedProxies: [] }),
        },
      ]
    },
    'audit.proxies-wide': ({ plan, written }) =>
      plan.gateway.trustedProxies.flatMap((text, i) => {
        const block = parseCidr(text)
        if (block === null || isPrivate(block.address)) return []
        if (block.prefix >= (block.family === 'ipv4' ? 12 : 24)) return []
        return [
          {
            at: written.gateway.get('trustedProxies', i).place,
            subject: 'gateway',
            message: `${text} holds far more addresses than one load balancer: any of them may say who the caller is.`,
            hint: 'Name the networks that your load balancer really calls from.',
          },
        ]
      }),
  },
}

/** The sign-in that closes a function there. */
function signInAt(platform: PlatformId, secret: string): Merge[string] {
  if (platform === 'aws-lambda') return 'aws-sigv4'
  if (platform === 'google-cloud-run' || platform === 'google-cloud-functions') return 'google-id-token'
  if (platform === 'azure-functions') return { 'azure-function-key': secret }
  return { header: { name: 'x-gateway-key', value: secret } }
}

/** RFC 1918, RFC 6598, RFC 4193: addresses that strangers do not have. */
function isPrivate(address: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd])/.test(address)
}

function hostOf({ origin }: UpstreamPlan): string {
  return new URL(origin).hostname.replace(/\.$/, '')
}

function isPlain({ origin }: UpstreamPlan): boolean {
  return isPlainUrl(origin)
}

function isPlainUrl(text: string): boolean {
  return /^http:/i.test(text) && URL.canParse(text) && !isLoopback(new URL(text).hostname)
}

function responseOf(route: AuditedRoute): ResponseSettings | undefined {
  const step = route.plan.steps.find(({ stage }) => stage === 'response')
  return step?.settings as ResponseSettings | undefined // the settings of `response`
}
