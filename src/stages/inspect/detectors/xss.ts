import { has } from '../character-classes.js'
import type { Anchor, Detector } from '../view.js'
import { findTag } from './html-tags.js'
import { fits } from './near.js'
import { activeStyle, bracketsOnly, call, dataUrl, eventAttribute, scriptObject, scriptUrl } from './script-text.js'

/*
 * Stops: cross-site scripting – elements that run script, event attributes, script URLs, style that runs code, breaking
 *   out of an attribute or of a script, bare calls of the functions that attackers call.
 * How: an HTML tokeniser after the standard reads every tag; plain markup (b, a href, img src) passes. Outside tags, the
 *   names of events, script schemes and functions are looked at with what stands around them.
 * Limits: HTML that merely deceives (a link elsewhere, a picture) passes; documents that show code pass unless a tag in
 *   them would run; JavaScript without any known name or tag is not recognised.
 */
export const xss: Detector = {
  name: 'xss',
  lexer: { chars: has.less, find: findTag },
  anchors: [
    {
      // Nobody pads a reference to an ASCII sign but to get past a filter.
      words: ['&#000', '&#x000'],
      check: (view, start) =>
        /^&#(?:x0{3,9}(?:[2-7][0-9a-f])(?![0-9a-f])|0{3,9}(?:3[3-9]|4\d|5[89]|6[0-4]|9[1-6]|12[3-6]|9\d|1[01]\d)(?!\d))/.test(
          view.lower.slice(start, start + 20),
        )
          ? 'padded character reference'
          : null,
    },
    {
      words: ['xlink:href', 'formaction'],
      needs: has.equals,
      check: (view, start, end) =>
        !view.document &&
        /[\s"'/<`;]/.test(view.lower.charAt(start - 1) || ' ') &&
        fits(/\s{0,4}=\s{0,4}["'`]?\s{0,4}[a-z&#/]/y, view.lower, end)
          ? 'attribute that runs script'
          : null,
    },
    { words: ['script:', 'mocha:'], check: scriptUrl },
    {
      words: ['data:text/html', 'data:text/xml', 'data:image/svg', 'data:text/javascript', 'data:application/x'],
      check: dataUrl,
    },
    {
      words: [
        'alert',
        'prompt',
        'confirm',
        'eval',
        'settimeout',
        'setinterval',
        'atob',
        'btoa',
        'execscript',
        'fetch',
        'import',
      ],
      needs: has.paren | has.backtick,
      check: call,
    },
    {
      words: [
        'document.cookie',
        'document.domain',
        'document.location',
        'document.write',
        'document.url',
        'document.body',
        'document.createelement',
        'document[',
        'document.',
        'window.location',
        'window.name',
        'window.open',
        'window[',
        'self[',
        'top[',
        'globalthis[',
        'frames[',
        'location=',
        'location.href',
        'location.hash',
        'fromcharcode',
        'innerhtml',
        'outerhtml',
        '.parentnode',
        'insertadjacenthtml',
        'localstorage.',
        'sessionstorage.',
        'xmlhttprequest',
        'navigator.sendbeacon',
        '.constructor(',
      ],
      check: scriptObject,
    },
    {
      words: [' on', '\ton', '\non', '\ron', '"on', "'on", '/on', '`on', ';on', ')on', '>on', '\u000bon', '\u000con'],
      needs: has.equals,
      check: (view, start) => eventAttribute(view, start + 1),
    },
    {
      // {onerror=alert}throw 1
      words: ['=alert', '=eval', '=confirm', '=prompt'],
      check: (view, start) =>
        !view.document && /(?:^|[\s{;,(/])on[a-z]{3,20}\s?$/.test(view.lower.slice(Math.max(0, start - 26), start))
          ? 'event handler'
          : null,
    },
    { words: ['[][', '![]', '[]+', '+[]', '[+'], needs: has.plus | has.punctuation, check: bracketsOnly },
    { words: ['+adw-', '+adwa-'], check: () => 'UTF-7 tag' },
    { words: ['@import', '-moz-binding', 'expression(', 'behavior:', 'behaviour:'], check: activeStyle },
  ] satisfies Anchor[],
}
