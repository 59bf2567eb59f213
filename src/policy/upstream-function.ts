import type { UpstreamAuth } from '../plan/plan.js'
import { type Resolving, textOf } from './resolving.js'
import type { NodeSection } from './section.js'

/** `upstreams.*.function`. */
export const functionSchema = {
  type: 'string',
  minLength: 1,
  maxLength: 512,
  description:
    'What the platform calls the function: the ARN of a Lambda function, projects/…/locations/…/services/… of Cloud Run, the resource id of an Azure function app. `postern iam print` grants exactly it.',
  examples: ['arn:aws:lambda:eu-west-1:111122223333:function:orders'],
}

const arn =
  /^arn:aws[a-z-]{0,16}:lambda:([a-z0-9-]{1,40}):[0-9]{12}:function:[A-Za-z0-9_-]{1,64}(?::[A-Za-z0-9$_-]{1,128})?$/
const service = /^projects\/[a-z][a-z0-9-]{4,28}[a-z0-9]\/locations\/[a-z0-9-]{1,40}\/services\/[a-z][a-z0-9-]{0,62}$/
const site =
  /^\/subscriptions\/[0-9a-fA-F-]{36}\/resourceGroups\/[\w.()-]{1,90}\/providers\/Microsoft\.Web\/sites\/[A-Za-z0-9-]{1,60}$/

/** The platform's name of the function; undefined where it is not written, or wrong. */
export function resolveFunction(section: NodeSection, auth: UpstreamAuth, { report }: Resolving): string | undefined {
  const text = textOf(section)
  if (text === undefined) return undefined
  const [, region] = arn.exec(text) ?? []
  const refuse = (message: string, hint: string): undefined => {
    report({ code: 'upstream.function-malformed', message, hint, at: section.place })
    return undefined
  }
  if (region === undefined && !service.test(text) && !site.test(text)) {
    return refuse(
      'This names no function of a platform.',
      'Write one function, without wildcards: arn:aws:lambda:<region>:<account>:function:<name>, projects/<p>/locations/<l>/services/<s>, or /subscriptions/…/sites/<app>.',
    )
  }
  if (auth.kind === 'aws-sigv4' && region !== auth.region) {
    return refuse(
      `The function is in ${region ?? 'no region of AWS'}, and signatures are made for ${auth.region}.`,
      'Take the ARN of the function that the URL belongs to.',
    )
  }
  return text
}
