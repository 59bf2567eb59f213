import { has } from '../character-classes.js'
import type { Anchor, Detector, Finding, View } from '../view.js'
import { java, node, otherLanguage } from './code-languages.js'
import { fits, isWordAt, lead } from './near.js'
import { calls, certain, certainNames, mild, phpFamilies } from './php-names.js'
import { serializedBase64, serializedNamed, serializedPhp } from './serialized-objects.js'

/*
 * Stops: code of PHP, Java, Node.js, Python, Ruby, Perl and .NET where a value is expected – calls that run commands or
 *   read files, tags that open code, class names for gadgets, and serialised objects of each.
 * How: a name that is only ever called in code, with its bracket; a class name as the whole value; a serialised object by
 *   its own syntax.
 * Limits: documents may show code; names of exceptions pass, since logs and error reports are made of them.
 */
export const code: Detector = {
  name: 'code',
  lexer: { chars: has.dollar, find: variableCall },
  anchors: [
    { words: calls.map((name) => `${name}(`), check: call },
    {
      words: calls.filter((name) => name.length > 6 || name === 'exec' || name === 'system').map((name) => `${name} `),
      check: spacedCall,
    },
    {
      words: [
        '<?php',
        '<?=',
        '<? ',
        '<?\n',
        '<?\t',
        '[php]',
        '<script language="php"',
        "<script language='php'",
        '<?xml',
        '<?',
      ],
      check: openTag,
    },
    {
      words: [
        '$_get',
        '${_get',
        '${_post',
        '${_request',
        '${_cookie',
        '${_server',
        '$_post',
        '$_request',
        '$_cookie',
        '$_server',
        '$_files',
        '$_session',
        '$_env',
        '$globals',
        '${@',
        '$http_raw',
        '$http_',
        '$_ [',
      ],
      check: (view, _start, end) =>
        view.document
          ? null
          : /^\w{0,30}\s{0,3}[[{(]|^[\w]{0,20}$|^print|^[a-z_]{0,20}\(/.test(view.lower.slice(end, end + 32))
            ? 'PHP variable'
            : null,
    },
    { words: ['$__', '$____', "${'", '${"', '@$_', '$$_', "$ {'", '$ {"', '](', '}(', '`('], check: dynamicCall },
    {
      words: [
        'allow_url_include',
        'allow_url_fopen',
        'auto_prepend_file',
        'auto_append_file',
        'disable_functions',
        'open_basedir',
        'safe_mode',
        'memory_limit',
        'suhosin',
        'display_errors',
        'smtp=',
        'sendmail_path',
        'mail.add_x_header',
        'session.save',
        'upload_tmp_dir',
        'disable_classes',
        'error_log=',
        'enable_dl',
        'extension_dir',
        'opcache.',
        'arg_separator',
        'asp_tags',
        'assert.',
        'date.timezone',
        'default_charset',
        'default_mimetype',
        'doc_root',
        'docref_',
        'error_append',
        'error_prepend',
        'error_reporting',
        'exif.',
        'expose_php',
        'file_uploads',
        'html_errors',
        'include_path',
        'ignore_user_abort',
        'implicit_flush',
        'magic_quotes',
        'max_execution_time',
        'max_input_',
        'mbstring.',
        'output_buffering',
        'output_handler',
        'pcre.',
        'post_max_size',
        'realpath_cache',
        'register_globals',
        'register_argc',
        'report_memleaks',
        'request_order',
        'short_open_tag',
        'soap.',
        'sql.safe',
        'sys_temp_dir',
        'track_errors',
        'unserialize_callback',
        'upload_max_filesize',
        'user_ini',
        'variables_order',
        'xmlrpc_error',
        'zlib.',
        'cgi.',
        'ldap.max',
        'odbc.',
        'pdo_odbc.',
        'phar.',
        'log_errors',
        'max_file_uploads',
        'hard_timeout',
        'highlight.',
        'input_encoding',
        'internal_encoding',
        'last_modified',
        'zend.',
      ],
      check: (view, start, end) =>
        !view.document &&
        /^\w{0,20}\s{0,3}=/.test(view.lower.slice(end - 1, end + 24).replace(/^[^=]/, '')) &&
        !isWordAt(view.lower, start - 1)
          ? 'PHP setting'
          : null,
    },
    {
      words: ['o', 'a', 'c'].flatMap((letter) => [...'0123456789+'].map((digit) => `${letter}:${digit}`)),
      check: (view, start, end) => serializedPhp(view, start, end - 1),
    },
    {
      words: ['ro0ab', 'aced0005', 'ks0xb', 'kztaau', 'cs7qaf', 'aaeaaad', 'h4siaaaaaaaa', 'gasv', 'ywnlzda'],
      check: serializedBase64,
    },
    {
      words: [
        '!!python/',
        '!!javax.',
        '!!java.',
        '!ruby/',
        '!!com.',
        '!!org.',
        '!php/object',
        '!<tag:',
        '_$$nd_func$$_',
        '__js_function',
        '$$nd_func',
        '@type":"',
        '"$type":"',
        'cposix\n',
        'cos\nsystem',
        'c__builtin__',
        'csubprocess\n',
        'py/object',
        'py/reduce',
        '__proto__:then',
        '"$type": "system',
      ],
      check: serializedNamed,
    },
    {
      words: [
        'child_process',
        'process.mainmodule',
        'process.binding',
        'process.env',
        'process.exit',
        'process.kill',
        'process[',
        'mainmodule.require',
        'global.process',
        'require(',
        'constructor.constructor',
        'new function',
        'function()',
        'function (',
        'execsync',
        'spawnsync',
        'spawn(',
        'this.constructor',
        'module.constructor',
        'console.log(',
        'console.info(',
        'console.',
        'string.raw',
        'import(',
        'globalthis.',
        'reflect.',
        'array.from',
        '=>',
        'while(!',
        'while(',
        'async function',
        '.tostring()',
        'fs.readfile',
        'fs.writefile',
        'process.cwd',
        'process.argv',
      ],
      check: node,
    },
    {
      words: [
        'os.system',
        'os.popen',
        'os.exec',
        'os.spawn',
        'commands.getoutput',
        'subprocess.',
        'importlib',
        'pickle.loads',
        'marshal.loads',
        'open(',
        '__builtins__',
        'kernel.',
        '%x(',
        '%x{',
        'io.popen',
        'os.execute',
        'loadstring',
        'system.diagnostics',
        'process.start',
        'file.read',
        'dir.glob',
        'io.read',
        'popen(',
        '@{[',
        '(?{',
        'pty.spawn',
        'socket.socket',
        'class.forname',
        'open3',
      ],
      check: otherLanguage,
    },
    {
      words: [
        'java.lang',
        'java.io',
        'java.util',
        'java.net',
        'java.beans',
        'java.security',
        'java.sql',
        'javax.',
        'org.apache',
        'org.omg',
        'org.springframework',
        'org.codehaus',
        'org.hibernate',
        'org.mozilla',
        'com.sun',
        'com.opensymphony',
        'com.mchange',
        'com.alibaba',
        'com.caucho',
        'com.ibatis',
        'com.rometools',
        'ch.qos.logback',
        'sun.misc',
        'sun.rmi',
        'sun.reflect',
        'bsh.',
        'groovy.',
        'freemarker.',
        'ognl.',
        'xwork',
        'ysoserial',
        'processbuilder',
        'getruntime',
        'runtime.',
        'jdbcrowsetimpl',
        'templatesimpl',
        'invokertransformer',
        'instantiatetransformer',
        'instantiatefactory',
        'prototypeclonefactory',
        'clonetransformer',
        'forclosure',
        'whileclosure',
        'prototypeserializationfactory',
        'chainedtransformer',
        'constanttransformer',
        'lazymap',
        'tiedmapentry',
        'badattributevalueexp',
        'annotationinvocationhandler',
        'classloader',
        'class.module',
        'class[',
        'class.classloader',
        'unmarshaller',
        'xmldecoder',
        'objectinputstream',
        'scriptenginemanager',
        'urlclassloader',
      ],
      check: java,
    },
    {
      words: [
        'objectdataprovider',
        'system.windows.data',
        'system.configuration.install',
        'system.web.security',
        'system.identitymodel',
        'windowsidentity',
        'typeconfusedelegate',
        'sessionsecuritytoken',
        'losformatter',
        'binaryformatter',
        'objectstateformatter',
        'assemblyinstaller',
        'workflowdesigner',
        'resourceset',
      ],
      check: (view) =>
        !view.document && /^[\w.$+`[\]]{6,120}(?:,\s?[\w.=, ]{1,120})?$/.test(view.whole) && view.whole.includes('.')
          ? '.NET gadget'
          : null,
    },
    {
      words: certainNames,
      check: (view) =>
        view.home !== 'body' && view.home !== 'key' && certain.has(view.whole.replace(/^\//, ''))
          ? 'name of a function'
          : null,
    },
    { words: phpFamilies.map((name) => `${name}_`), needs: has.paren, check: familyCall },
    {
      // What probes print to see whether they ran.
      words: ['(md5(', ' md5(', 'echo `', 'print `'],
      check: (view, start, end) =>
        !view.document &&
        (view.lower.charCodeAt(end - 1) === 96
          ? start <= 4 && view.lower.includes('`', end)
          : /(?:^|[^a-z])(?:print|echo|die|exit|var_dump|print_r)$/.test(lead(view.lower, start, 12)))
          ? 'code that prints'
          : null,
    },
    {
      words: [')("', ")('"],
      check: (view, start) =>
        !view.document && /(?:^|[^\w.\])])\(\s{0,2}["'][^()]{1,60}["'\]]$/.test(lead(view.lower, start, 70))
          ? 'call of a computed name'
          : null,
    },
    {
      words: ['$_=', '$_ =', '$__='],
      check: (view, start, end) =>
        !view.document && !isWordAt(view.lower, start - 1) && /^\s{0,2}["'@!$[(~+]/.test(view.lower.slice(end, end + 4))
          ? 'PHP variable'
          : null,
    },
    {
      words: [
        'reflectionfunction',
        'reflectionclass',
        'reflectionmethod',
        'splfileobject',
        'simplexmlelement',
        'directoryiterator',
      ],
      check: (view, start, end) =>
        !view.document && /new\s{1,4}$/.test(lead(view.lower, start, 8)) && fits(/\s{0,3}\(/y, view.lower, end)
          ? 'PHP class'
          : null,
    },
    {
      words: [
        '<%eval',
        '<%execute',
        '<% eval',
        '<% execute',
        '<cfinclude',
        '<cfquery',
        '<cffile',
        '<cfoutput',
        '<cfset',
        '<cfscript',
      ],
      check: (view) => (view.document ? null : 'server page'),
    },
    {
      words: [
        '.php',
        '.phtml',
        '.php5',
        '.jsp',
        '.jspx',
        '.asp',
        '.aspx',
        '.phar',
        '.cgi',
        '.ashx',
        '.asmx',
        '.exe',
        '.hta',
        '.war',
        '.cfm',
        '.shtml',
        '.pht',
        'sess_',
        '.user.ini',
        '. php',
        '. jsp',
        '. asp',
        '. phtml',
        '. phar',
        '.php3',
        '.php4',
        '.php7',
      ],
      check: scriptFile,
    },
    {
      words: [
        '<%',
        'runat="server"',
        "runat='server'",
        '<jsp:',
        '<cfexecute',
        '<cfobject',
        '<#--',
        'response.write(',
        'server.createobject',
        'wscript.shell',
        'scripting.filesystemobject',
      ],
      check: (view, start, end) =>
        view.document || view.lower.slice(start, end) === '<%' || view.lower.slice(start, end) === '<#--'
          ? null
          : 'server page',
    },
  ] satisfies Anchor[],
}

/** `$name (…)`, `$name['x'](…)`: a function named by a variable, as PHP calls it. */
function variableCall(view: View): Finding | null {
  if (view.document || (view.chars & has.paren) === 0) return null
  const { lower } = view
  for (let at = lower.indexOf('$'); at !== -1; at = lower.indexOf('$', at + 1)) {
    if (isWordAt(lower, at - 1)) continue
    const found = fits(
      /\$[a-z_]\w{0,30}(?:\s{0,6}(?=\(\s{0,3}["'`$/\d])|\[[^\]]{1,20}\]|\{[^}]{1,20}\}|\/\*[^*]{0,20}\*\/){0,6}\([^)]{0,60}\)/y,
      lower,
      at,
    )
    if (found && at < 200) return { technique: 'call of a computed name', at }
  }
  return null
}

/** `tidy_parse_string('x')`, `; ctype_alpha ($x)`: a function by the family that PHP names it after. */
function familyCall(view: View, start: number): string | null {
  if (view.document || isWordAt(view.lower, start - 1) || view.lower.charCodeAt(start - 1) === 96) return null
  const { lower } = view
  if (!fits(/[a-z][a-z0-9]{1,12}(?:_[a-z0-9]{1,24}){1,6}\s{0,3}\(/y, lower, start)) return null
  // In a sentence it is a mention, behind a dot a method of something else.
  const before = lead(lower, start, 4)
  return start === 0 || /[;@('"=!{,$]\s{0,2}$/.test(before) ? 'call of a function' : null
}

function call(view: View, start: number, end: number): string | null {
  const { lower } = view
  const before = lower.charCodeAt(start - 1)
  if (isWordAt(lower, start - 1)) return null
  const name = lower.slice(start, end - 1)
  if (view.document) return null
  // `readFile()` in a sentence is a mention.
  if (lower.charCodeAt(end) === 41 && /[a-z,]\s$|:$/.test(lead(lower, start, 3))) return null
  // regexp.exec(text), path.compile(…): methods of their own kind.
  if (before === 46 && mild.has(name)) return null
  if (!mild.has(name)) return before === 46 && name.length < 8 ? null : 'call of a function'
  const rest = lower.slice(end, end + 80).trim()
  // link(s), file(s)
  if (/^(?:s|es|ed)\)/.test(rest)) return null
  // system('id'), exec("…"), eval($_…), assert(…), chr(112).chr(…)
  if (name === 'chr' || name === 'ord') return /^\d{1,3}\)\s{0,2}\.\s{0,2}chr/.test(rest) ? 'call of a function' : null
  if (name === 'sleep') return before === 46 || !/^\d{1,5}\)\s{0,3};/.test(rest) ? null : 'call of a function'
  if (
    /^[a-z_]{1,20}\)$/.test(rest) &&
    start > 0 &&
    /\s/.test(lower.charAt(start - 1)) &&
    /[a-z]\s$/.test(lead(lower, start, 4))
  )
    return null
  if (/^["'`$<@\\%]|^(?:base64|chr|str|gz|getenv|request|input|\w{1,20}\s{0,2}\()/.test(rest))
    return 'call of a function'
  return start <= 3 && /^[\w.]{0,20}\)\s{0,3};?$/.test(rest) ? 'call of a function' : null
}

/** `exec //comment\n (blah)`, `base64_decode (`: blanks and comments before the bracket. */
function spacedCall(view: View, start: number, end: number): string | null {
  if (view.document || isWordAt(view.lower, start - 1) || view.lower.charCodeAt(start - 1) === 46) return null
  const name = view.lower.slice(start, end - 1)
  const after = fits(/(?:\s|\/\*[^*]{0,40}\*\/|\/\/[^\n]{0,40}\n|#[^\n]{0,40}\n){0,6}\(/y, view.lower, end - 1)
  if (!after) return null
  if (!mild.has(name)) return name.includes('_') || name.length > 9 ? 'call of a function' : null
  return fits(/(?:\s|\/\*[^*]{0,40}\*\/|\/\/[^\n]{0,40}\n|#[^\n]{0,40}\n){0,6}\(\s{0,4}["'$`]/y, view.lower, end - 1) ||
    view.lower.slice(end - 1, end + 8).includes('/')
    ? 'call of a function'
    : null
}

function openTag(view: View, start: number, end: number): string | null {
  const { lower } = view
  const word = lower.slice(start, end)
  if (word === '<?xml') return !view.document && fits(/\s{1,20}\(\)/y, lower, end) ? 'PHP tag' : null
  if (word === '<?')
    return !view.document && end >= lower.length - 4 && lower.slice(end).trim() === '' ? 'PHP tag' : null
  if (word === '<?=') return view.document ? null : 'PHP tag'
  if (word === '[php]') return view.document ? null : 'PHP tag'
  if (word === '<?php')
    return view.document &&
      !/(?:system|exec|passthru|eval|shell_exec|assert)\s{0,4}\(\s{0,4}[$"'`]/.test(lower.slice(end, end + 300))
      ? null
      : 'PHP tag'
  return view.document ? null : 'PHP tag'
}

/** `$__[_]($x)`, `${'a'}(11)`, `($a='b')()`: a name that is computed and then called. */
function dynamicCall(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const word = view.lower.slice(start, end)
  if (word === '](' || word === '}(' || word === '`(') {
    const before = view.lower.slice(Math.max(0, start - 40), start)
    return /[$@][_$@{}[\]'"\w.]{0,30}$/.test(before) &&
      /\$/.test(before) &&
      !/\.\w{1,20}$/.test(before) &&
      /^[^)]{0,40}\)/.test(view.lower.slice(end, end + 50)) &&
      !/\]\($/.test(`${word}x`)
      ? 'call of a computed name'
      : null
  }
  if (word.startsWith('$ {')) return 'computed name'
  return /^[\w@$[\]{}'"]{0,30}[\]}]\s{0,2}[([{]/.test(view.lower.slice(end, end + 40)) ||
    (word.endsWith("'") && /^\w{0,20}'\}/.test(view.lower.slice(end, end + 24)))
    ? 'call of a computed name'
    : null
}

const upload =
  /\.\s{0,4}(?:php[3457s]?|phtml|pht|phar|jspx?|aspx?|ashx|asmx|cgi|cfm|shtml|hta|war|user\.ini)[\s.:;%\0$]{0,6}(?:\.(?:jpe?g|png|gif|txt|pdf))?$/

/** A script by its name, where a file is uploaded. */
function scriptFile(view: View, start: number): string | null {
  const { lower } = view
  if (view.home === 'file-name' || (view.home === 'header' && /file-?name/.test(view.name))) {
    if (lower.startsWith('sess_')) return start === 0 ? 'script upload' : null
    return upload.test(view.whole) ? 'script upload' : null
  }
  return null
}
