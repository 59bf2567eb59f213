import type { View } from '../view.js'
import { isWordAt } from './near.js'

/** Files of a project, which a static server hands out by mistake: at the top of a path only. */
export const projectFiles: ReadonlySet<string> = new Set([
  'package.json',
  'tsconfig.json',
  'webpack.config.js',
  'ormconfig.json',
  'bower.json',
  'auth.json',
  'npm-shrinkwrap.json',
  'config.yml',
  'parameters.yml',
  'security.yml',
  'settings.php',
  'local.xml',
  'sftp-config.json',
  'config.inc',
  'web.config',
  'server.key',
  'makefile',
  'requirements.txt',
  'pipfile',
  'cargo.toml',
  'go.mod',
  'pom.xml',
  'build.gradle',
])

/** A file of the system by its name. */
export function systemFile(view: View, start: number, end: number): string | null {
  const { lower } = view
  const before = lower.charAt(start - 1)
  if (view.document) return null
  if (start > 0 && !/[/\\\s:="'`,;|<>(.%\0]/.test(before))
    return lower.slice(start, end).startsWith('etc/passwd') || lower.slice(start, end).startsWith('etc/shadow')
      ? 'system file'
      : null
  if (/:\/\/[\w.-]{1,80}\/$/.test(lower.slice(Math.max(0, start - 90), start)) && !lower.startsWith('file')) return null
  const name = lower.slice(start, end)
  if (
    /^(?:proc\/(?:cpuinfo|version|net|mounts|cmdline)|var\/log|var\/www|etc\/(?:nginx|php|mysql|init|hosts|profile|apache|rc|security|ssh)|usr\/|run\/secrets|system\/|home\/|root\/|dev\/)/.test(
      name,
    )
  ) {
    // Paths that configuration also holds: only as a whole value in a place where callers choose.
    const whole = /^[/\\.\w:-]{1,120}$/.test(view.whole)
    return whole && view.home !== 'body' && view.home !== 'key' ? 'system file' : null
  }
  // A sentence may speak of the file; a value that names it is short.
  const words = view.whole.split(/\s+/, 12).filter((word) => /^[a-z]{2,}[.,]?$/.test(word))
  return words.length >= 5 ? null : 'system file'
}

/** `/etc/redis/redis.conf`, `/opt/app/.env`: an absolute path of a server as a whole parameter. In bodies, settings hold such paths. */
export function absolute(view: View, start: number): string | null {
  if (view.home === 'body' || view.home === 'key' || view.home === 'header' || view.document) return null
  const { whole } = view
  if (start !== 0 && !(start <= 7 && whole.startsWith('file:'))) return null
  const path = whole.replace(/^file:\/{0,2}/, '')
  if (!/^\/[\w./@+~%-]{3,160}(?:\0.{0,12})?$/.test(path)) return null
  if (/^\/(?:etc\/[a-z]|proc\/(?:\d|self|[a-z])|root\/)/.test(path)) return view.home === 'path' ? null : 'system file'
  if (/^\/var\/(?:log|task|runtime|run|lib|spool|mail|www)\/[\w.-]/.test(path))
    return view.home === 'path' ? null : 'system file'
  return /\/\.(?:env|git|ssh|aws|npmrc|htpasswd|bash|docker|kube|config|netrc|profile)/.test(path)
    ? 'secret file'
    : null
}

/** A file or folder of Windows by its name. */
export function windowsFile(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const { lower } = view
  const name = lower.slice(start, end)
  const before = lower.charAt(start - 1)
  if (isWordAt(lower, start - 1)) return null
  if (name === 'windows\\' || name === 'windows/' || name === 'winnt' || name === 'system32' || name === 'inetpub') {
    if (view.whole.split(/\s+/, 12).filter((part) => /^[a-z]{2,}[.,]?$/.test(part)).length >= 5) return null
    return /(?:[a-z]:|^|\.\.|[/\\])[/\\]{0,4}$/.test(lower.slice(Math.max(0, start - 6), start)) &&
      (before === '\\' || before === '/' || (start === 0 && name.length > 8)) &&
      /[a-z]:[/\\]{1,4}$|\.[/\\]$|^[/\\]{1,4}$/.test(lower.slice(Math.max(0, start - 6), start))
      ? 'system file'
      : null
  }
  return before === '/' ||
    before === '\\' ||
    before === ':' ||
    (start === 0 && view.home !== 'body') ||
    /[a-z]:[/\\]/.test(view.whole)
    ? 'system file'
    : null
}

/** A file of a project or a home folder that holds secrets. */
export function secretFile(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const { lower } = view
  const name = lower.slice(start, end)
  const at = view.home
  // Names that any text may mention count in the path of the request alone, and at its end.
  if (at === 'path') {
    if (projectFiles.has(name))
      return view.whole.split('/').length <= 2 && view.whole.endsWith(name) ? 'secret file' : null
    const plain = name === '.env' || name === '.old' || name === '.bak' || name === '.swp' || name === '.profile'
    if (plain && isWordAt(lower, end)) return null
    if ((name === '.env' || name === '.profile') && start > 0 && lower.charCodeAt(start - 1) !== 47) return null
    return isWordAt(lower, start - 1) && name !== '.bak' && name !== '.swp'
      ? null
      : name === 'wp-content/' && !/\.(?:log|php|sql|bak)/.test(view.whole)
        ? null
        : 'secret file'
  }
  if (at === 'query' && hiddenFile.test(view.whole) && /^[/\\.~\w:;@%$*-]{1,160}$/.test(view.whole))
    return 'secret file'
  const certain =
    /^(?:web-inf|meta-inf|\.ssh\/|\.htaccess|\.htpasswd|web-inf|wp-config|\.aws\/|\.git\/|id_rsa|id_dsa|id_ed25519|authorized_keys|\.bash_history|\.mysql_history|tomcat-users|localsettings|\.pgpass|\.kube\/|\.netrc)/.test(
      name,
    )
  if (!certain || isWordAt(lower, start - 1)) return null
  const before = lower.slice(Math.max(0, start - 60), start)
  if (/:\/\/[\w.-]{1,50}\//.test(before)) return null
  const whole = /^[/\\.~\w:;@%$*-]{1,160}$/.test(view.whole)
  if (at === 'query' && whole && hiddenFile.test(view.whole)) return 'secret file'
  if (at === 'query' && whole && backup.test(view.whole)) return 'secret file'
  return whole &&
    (at !== 'body' && at !== 'key'
      ? true
      : /^(?:[/\\~.]|[a-z]:)/.test(view.whole) && /^(?:\.ssh|web-inf|\.aws|id_|\.bash_h|\.htp)/.test(name))
    ? 'secret file'
    : null
}

/** A copy of source or settings that an editor or an operator left behind. */
const backup =
  /\.(?:php\d?|jspx?|aspx?|py|rb|pl|js|ts|java|inc|conf|config|cnf|ini|ya?ml|xml|env|properties|sql)(?:\.(?:bak|old|orig|save|swp|backup|\d)|~)$/

/** A file of somebody's home folder or of a repository, hidden by its dot. */
const hiddenFile =
  /(?:^|[/\\])\.(?:ssh|aws|bash_?\w{0,12}|profile|env|npmrc|git|svn|hg|docker|kube|gnupg|htpasswd|htaccess|config|netrc|pgpass|vscode|idea|\w{2,10}_history|my\.cnf|viminfo|dockerenv|dockerignore|ds_store|travis\.yml|gitlab-ci\.yml|zshrc|zshenv|kshrc|cshrc|tcshrc|rhosts|shosts|forward|xauthority|wgetrc|curlrc|gitconfig|gem|pypirc|dockercfg|azure|gcloud|subversion|mysql|psqlrc|lesshst|sudo_as_admin_successful)(?:$|[/\\.])/

/** A scheme that reads files or streams. */
export function wrapper(view: View, start: number, end: number): string | null {
  const { lower } = view
  if (isWordAt(lower, start - 1)) return null
  const name = lower.slice(start, end)
  const rest = lower.slice(end, end + 60)
  if (name === 'file:') {
    if (view.document) return null
    return /^\/{1,3}(?:[a-z]:|etc|proc|var|root|home|usr|windows|winnt|boot|dev|tmp|localhost|opt|\.|127)/.test(rest) ||
      (view.home !== 'body' && /^\/{1,3}[\w-]+\.(?!com|org|net|io)/.test(rest)) ||
      (start === 0 && /^\/\//.test(rest) && view.home !== 'body')
      ? 'file wrapper'
      : null
  }
  if (name === 'jar:') return /^(?:file|https?|gopher):/.test(rest) ? 'file wrapper' : null
  if (name === 'data://') return /^text\//.test(rest) && !view.document ? 'file wrapper' : null
  if (name === 'netdoc:') return /^\//.test(rest) ? 'file wrapper' : null
  if (name === 'ssh2.') return /^(?:shell|exec|tunnel|sftp|scp):\/\//.test(rest) ? 'file wrapper' : null
  return view.document
    ? /^(?:filter|input)/.test(rest) && view.lower.length < 400
      ? 'file wrapper'
      : null
    : 'file wrapper'
}
