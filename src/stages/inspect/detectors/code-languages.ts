import type { View } from '../view.js'
import { isWordAt, lead } from './near.js'

/** Code of Node.js and of JavaScript in general. */
export function node(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const { lower } = view
  const name = lower.slice(start, end)
  if (isWordAt(lower, start - 1) && isWordAt(name, 0)) return null
  if (lower.charCodeAt(start - 1) === 96) return null
  const rest = lower.slice(end, end + 80)
  const around = lower.slice(Math.max(0, start - 20), start)
  switch (name) {
    case 'require(':
      return /^\s{0,4}['"`]?\s{0,4}(?:child_process|fs|os|net|http|vm|process|module|\w{1,12}['"`]\)\s{0,3}[.[])/.test(
        rest,
      ) && /child_process|\bfs\b|\bvm\b|exec|spawn|readfile|\bos\b|\bnet\b/.test(rest)
        ? 'Node.js code'
        : null
    case 'new function':
      return /^\s{0,4}[(`'"]/.test(rest) ? 'JavaScript code' : null
    case 'function()':
    case 'function (':
    case 'async function':
      return /[({};]/.test(rest) &&
        /[('"=;!+\-~]\s{0,3}$|^$/.test(around) &&
        /\{/.test(rest) &&
        /return|alert|\(\)|this|;/.test(rest) &&
        !/ /.test(lower.slice(0, Math.min(start, 12)).trim())
        ? 'JavaScript code'
        : null
    case '=>':
      return null
    case 'console.':
    case 'console.log(':
    case 'console.info(':
      return start <= 6 &&
        /^(?:log|info|error|warn|debug|table|trace|dir)?\(?/.test(rest) &&
        /\(/.test(name + rest.slice(0, 8))
        ? 'JavaScript code'
        : null
    case 'while(!':
      return /^[!\w\s'"[\]]{0,12}\)/.test(rest) ? 'JavaScript code' : null
    case 'while(':
      return /^(?:true|1|0==0)\)/.test(rest) ? 'JavaScript code' : null
    case '.tostring()':
    case 'array.from':
    case 'import(':
    case 'reflect.':
    case 'globalthis.':
    case 'string.raw':
      return /^(?:(?:construct|apply|get|ownkeys)\(|process|require|`)/.test(rest) &&
        name !== '.tostring()' &&
        name !== 'array.from'
        ? 'JavaScript code'
        : null
    case 'spawn(':
      return /^\s{0,3}['"`]/.test(rest) ? 'Node.js code' : null
    case 'process.env':
    case 'process.exit':
    case 'process.cwd':
    case 'process.argv':
    case 'process.kill':
      return (start <= 8 && /^[.([]|^\s*$/.test(rest)) || /[(;=]\s{0,2}$/.test(around) ? 'Node.js code' : null
    case 'process[':
      return 'Node.js code'
    case 'child_process':
      return /['"`(]$/.test(around) || /^['"`]?\s{0,3}\)/.test(rest) ? 'Node.js code' : null
    case 'execsync':
    case 'spawnsync':
    case 'fs.readfile':
    case 'fs.writefile':
      return /^\w{0,6}\s{0,2}\(\s{0,2}['"`]/.test(rest) && start < 200 ? 'Node.js code' : null
    default:
      return 'Node.js code'
  }
}

/** Code of Python, Ruby, Perl, Lua and .NET. */
export function otherLanguage(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const { lower } = view
  const name = lower.slice(start, end)
  if (isWordAt(name, 0) && isWordAt(lower, start - 1)) return null
  const rest = lower.slice(end, end + 60)
  switch (name) {
    case 'open(':
      return /^\s{0,3}(?:['"]\s{0,3}(?:\||\/etc|\/proc|c:|\.\.)|f,)/.test(rest) ? 'code that reads a file' : null
    case 'kernel.':
      return /^(?:exec|system|fork|open|spawn|`)/.test(rest) ? 'Ruby code' : null
    case 'subprocess.':
      return /^(?:call|popen|run|check|getoutput)/.test(rest) ? 'Python code' : null
    case 'file.read':
    case 'io.read':
    case 'dir.glob':
      return /^(?:lines|all|text)?\s{0,2}\(/.test(rest) ? 'code that reads a file' : null
    case 'system.diagnostics':
      return /^\.process/.test(rest) ? '.NET code' : null
    case 'process.start':
      return /^\s{0,2}\(/.test(rest) ? '.NET code' : null
    case '@{[':
      return 'Perl code'
    case '(?{':
      return /\}\)/.test(rest) ? 'Perl code' : null
    case 'loadstring':
    case 'popen(':
      return /^\s{0,2}\(?\s{0,2}['"[]/.test(rest) ? 'code that runs a command' : null
    case 'os.popen':
    case 'os.system':
    case 'os.exec':
    case 'os.spawn':
    case 'os.execute':
    case 'io.popen':
      return /^\w{0,6}\s{0,2}\(/.test(rest) ? 'code that runs a command' : null
    case 'class.forname':
      return /^\s{0,2}\(/.test(rest) ? 'Java code' : null
    case 'importlib':
    case 'open3':
    case 'socket.socket':
      return /^\.(?:import_module|capture)|^\(/.test(rest) ? 'Python code' : null
    default:
      return 'code that runs a command'
  }
}

/** Class names of gadgets, as a whole value; a sentence or a stack trace may name a class. */
export function java(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const { lower } = view
  const name = lower.slice(start, end)
  if (isWordAt(lower, start - 1) && name.includes('.')) return null
  // The name of a host: websocket-spec.java.net
  if (/[.-]$/.test(lead(lower, start, 1)) && lead(lower, start, 120).includes('://')) return null
  const rest = lower.slice(end, end + 80)
  if (name === 'getruntime') return /^\s{0,2}\(/.test(rest) ? 'Java code' : null
  if (name === 'class[') return /^['"]?(?:classloader|module)/.test(rest) ? 'Java class' : null
  if (name === 'class.module' || name === 'class.classloader') return 'Java class'
  if (
    name === 'ysoserial' ||
    name.endsWith('impl') ||
    name.endsWith('transformer') ||
    name.endsWith('closure') ||
    name === 'prototypeserializationfactory' ||
    name === 'instantiatefactory' ||
    name === 'prototypeclonefactory' ||
    name === 'badattributevalueexp' ||
    name === 'annotationinvocationhandler' ||
    name === 'tiedmapentry'
  ) {
    return /^[\w.$[\];/:=-]{1,120}$/.test(view.whole) || /[({]/.test(rest) ? 'Java gadget' : null
  }
  if (/(?:exception|error|throwable)\b/.test(view.whole)) return null
  const wholeName = /^[\w.$[\];@/:=()-]{1,160}$/.test(view.whole)
  if (name === 'processbuilder') return wholeName || /^\s{0,2}\(|^\./.test(rest) ? 'Java class' : null
  if (name === 'runtime.') return /^(?:exec|getruntime)\(/.test(rest) ? 'Java code' : null
  if (name === 'xwork' || name === 'ognl.' || name === 'bsh.' || name === 'groovy.' || name === 'freemarker.')
    return /method|ognl|util|template|interpreter|lang|ext/.test(rest) && wholeName ? 'Java class' : null
  if (
    name === 'classloader' ||
    name === 'lazymap' ||
    name === 'unmarshaller' ||
    name === 'xmldecoder' ||
    name === 'objectinputstream' ||
    name === 'urlclassloader' ||
    name === 'scriptenginemanager'
  )
    return wholeName && /[.$(]/.test(view.whole) ? 'Java class' : null
  if (!wholeName)
    return /^\.(?:runtime|processbuilder|system|classloader|thread|class)\b[^a-z ]{0,3}[.(]/.test(rest)
      ? 'Java code'
      : null
  if (
    view.home === 'body' ||
    view.home === 'key' ||
    view.home === 'query' ||
    view.home === 'cookie' ||
    view.home === 'header' ||
    view.home === 'path'
  )
    return dangerousPackage(name, rest) ? 'Java class' : null
  return null
}

/** Packages are named in harmless metadata too; these parts of them are what gadgets are made of. */
function dangerousPackage(name: string, rest: string): boolean {
  if (/^(?:java\.(?:lang|io|util|net|beans|security|sql))$/.test(name))
    return /^(?:\.(?:object|string(?:builder|buffer)?|runtime|system|processbuilder|process|class|classloader|thread|math|number|integer|boolean|character|file\w*|\w*stream|\w*reader|\w*writer|hashmap|arraylist|scanner|url|socket|expression|eventhandler|xmldecoder|method|reflect)\b|$|\.)/.test(
      rest,
    )
  if (name === 'javax.') return /^(?:script|management|naming|el|swing|imageio)/.test(rest)
  if (name === 'org.apache')
    return /^\.(?:commons|struts|xalan|bcel|tomcat|catalina|shiro|ofbiz|log4j|xbean|ibatis|wicket|velocity|myfaces)?\b/.test(
      rest,
    )
  return true
}
