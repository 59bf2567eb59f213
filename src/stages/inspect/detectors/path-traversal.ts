import { has } from '../character-classes.js'
import type { Detector, View } from '../view.js'
import { indexWithin, isWordAt } from './near.js'

/** What repositories, shells and tools keep behind a dot, and no caller of an API has business with. */
const secretDots = [
  ...['git', 'gitconfig', 'git-credentials', 'gitlab-ci', 'github_token', 'svn', 'hg', 'bzr', 'cvs', 'env', 'envrc'],
  ...[
    'ssh',
    'gnupg',
    'aws',
    'azure',
    'boto',
    'gcloud',
    'kube',
    'docker',
    'dockercfg',
    'dockerenv',
    'terraform',
    'vagrant',
  ],
  ...[
    'htaccess',
    'htpasswd',
    'htgroup',
    'user.ini',
    'netrc',
    'pgpass',
    'my.cnf',
    'npmrc',
    'yarnrc',
    'pypirc',
    'composer',
  ],
  ...[
    'bashrc',
    'bash_history',
    'bash_profile',
    'zshrc',
    'zsh_history',
    'sh_history',
    'history',
    'profile',
    'mysql_history',
  ],
  ...[
    'psql_history',
    'python_history',
    'node_repl_history',
    'rediscli_history',
    'viminfo',
    'ds_store',
    'idea',
    'vscode',
  ],
  ...[
    'passwd',
    'secret',
    'secrets',
    'credentials',
    'wp-config',
    'travis.yml',
    'circleci',
    'jenkins',
    'serverless',
    'rhosts',
  ],
]

/** Files of a project, which a static server hands out by mistake: at the top of a path only. */
const projectFiles: ReadonlySet<string> = new Set([
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

/*
 * Stops: climbing out of a folder with `..` in every spelling, and naming files that no caller should: password files,
 *   keys, configuration, a server's own folders; stream wrappers that read files.
 * How: after decoding, `..` between slashes is counted; a climb of two or more, or one that ends at a sensitive name, is a
 *   finding. Absolute names are compared with a list of places, not of words.
 * Limits: one step up (`../logo.png`) passes; so does an absolute path to a file that is only sensitive to one application.
 */
export const pathTraversal: Detector = {
  name: 'path-traversal',
  anchors: [
    {
      words: secretDots.map((name) => `/.${name}`),
      // `/.gitignored-notes` is a name of somebody's own; `/.git/config`, `/.env` and `/.env.local` are not.
      check: (view, _start, end) => (view.home === 'path' && !isWordAt(view.lower, end) ? 'hidden file' : null),
    },
    {
      words: ['../', '..\\', '..;/', '..;\\', './.', '.\\.', '..//', '..0x2f', '0x2e0x2e', '..%', '..,/'],
      check: climb,
    },
    { words: ['..2f', '..5c', '..c0', '..c1', '..\u2215', '..%', '..|', '..^', '..&', '..=', '..~'], check: oddClimb },
    {
      words: [
        'etc/passwd',
        'etc/shadow',
        'etc/group',
        'etc/hosts',
        'etc/issue',
        'etc/motd',
        'etc/sudoers',
        'etc/ssh',
        'etc/httpd',
        'etc/apache',
        'etc/nginx',
        'etc/mysql',
        'etc/php',
        'etc/crontab',
        'etc/fstab',
        'etc/resolv',
        'etc/hostname',
        'etc/security',
        'etc/init',
        'etc/rc.',
        'etc/profile',
        'etc/master.passwd',
        'etc\\passwd',
        'etc\\shadow',
        'proc/self',
        'proc/version',
        'proc/cmdline',
        'proc/mounts',
        'proc/net',
        'proc/cpuinfo',
        'var/log/',
        'var/mail/',
        'var/lib/mysql',
        'var/www/',
        'var/run/secrets',
        'run/secrets',
        'usr/local/apache',
        'usr/local/app',
        'usr/local/etc',
        'root/.',
        'home/$',
        'private/etc',
        'dev/random',
        'dev/zero',
        'system/library',
      ],
      check: systemFile,
    },
    { words: ['/etc/', '/proc/', '/root/', '/var/', '/usr/', '/opt/', '/home/', '/app/', '/srv/'], check: absolute },
    {
      words: [
        'boot.ini',
        'win.ini',
        'winnt',
        'system.ini',
        'system32',
        'windows\\',
        'windows/',
        'inetpub',
        'autoexec.bat',
        'repair/sam',
        'config/sam',
        'php.ini',
        'my.ini',
        'ntuser.dat',
        'desktop.ini',
        'sysprep.inf',
        'unattend.xml',
        'applicationhost.config',
        'web.config',
        'global.asa',
        'pagefile.sys',
      ],
      check: windowsFile,
    },
    {
      words: [
        '.htaccess',
        '.htpasswd',
        '.ssh/',
        '.aws/',
        '.git/',
        '.svn/',
        '.hg/',
        '.env',
        '.bash_history',
        '.bashrc',
        '.bash_profile',
        '.profile',
        '.mysql_history',
        '.npmrc',
        '.pgpass',
        '.netrc',
        '.docker/',
        '.kube/',
        '.gnupg',
        '.vscode/',
        '.idea/',
        '.ds_store',
        '.kiro/',
        '.windsurf',
        '.opencode',
        '.cursor/',
        '.claude/',
        '.gemini',
        'id_rsa',
        'id_dsa',
        'id_ed25519',
        'web-inf',
        'meta-inf',
        'wp-config',
        'wp-content/',
        'localsettings.php',
        'config.inc.php',
        'tomcat-users',
        'server.xml',
        'catalina',
        'httpd.conf',
        'nginx.conf',
        'my.cnf',
        'error.log',
        'errors.log',
        'access.log',
        'access_log',
        'error_log',
        'phpinfo.php',
        'composer.json',
        'docker-compose',
        'dockerfile',
        'database.yml',
        'settings.py',
        'authorized_keys',
        'credentials.json',
        'application.properties',
        'application.yml',
        'thumbs.db',
        'backup.sql',
        'dump.sql',
        '.bak',
        '.swp',
        'composer.lock',
        'package-lock.json',
        'yarn.lock',
        'npm-debug.log',
        '.travis.yml',
        '.gitlab-ci',
        '.circleci',
        '.dockerignore',
        '.gitignore',
        '.gitattributes',
        '.gitmodules',
        '.editorconfig',
        '.eslintrc',
        '.babelrc',
        '.npmignore',
        'phpunit.xml',
        'php_error',
        'debug.log',
        '.rnd',
        '.xsession',
        '.ash_history',
        '.psql_history',
        '.bzr',
        '.cvs',
        'gruntfile',
        'gulpfile',
        'gemfile',
        'vagrantfile',
        'jenkinsfile',
        '.pypirc',
        'appsettings.json',
        'web.xml',
        'config.php~',
        ...projectFiles,
        '.php~',
        '.old',
        '.sqlite',
        '~root',
      ],
      check: secretFile,
    },
    {
      words: [
        'file:',
        'php://',
        'expect://',
        'zip://',
        'phar://',
        'data://',
        'glob://',
        'netdoc:',
        'compress.zlib',
        'ogg://',
        'rar://',
        'ssh2.',
        'convert.base64',
        'jar:',
      ],
      check: wrapper,
    },
  ],
}

/** Longest run of a climb that is read. */
const window = 160

function climb(view: View, start: number, _end: number): string | null {
  const { lower } = view
  if (
    start > 0 &&
    lower.charCodeAt(start - 1) === 46 &&
    lower.charCodeAt(start) === 46 &&
    start > 1 &&
    lower.charCodeAt(start - 2) === 46 &&
    lower.charCodeAt(start - 3) === 46
  )
    return null
  const run = lower.slice(start, start + window)
  if (/^(?:\.[/\\]){8}/.test(run)) return 'padded path'
  const steps = countSteps(run)
  if (steps === 0) return null
  if (view.document && steps < 3) return null
  const rest = run.replace(/^(?:0x2[ef]|0x5c|%?2[ef]|%?5c|[/\\;,%]|\.(?![a-z]))+/, '')
  if (view.document) {
    return steps >= 3 && isSensitive(rest) ? 'climb to a system file' : null
  }
  if (isSensitive(rest) || (steps >= 3 && isServerFolder(rest))) return 'climb to a system file'
  // An import or a schema reference in a whole value climbs as well, in one plain spelling, to a file with an extension.
  if (steps >= 2) {
    if (!isReference(view, start, rest)) return 'climb'
    return steps >= 4 && !/[a-z]\s$/.test(lower.slice(Math.max(0, start - 2), start)) ? 'climb' : null
  }
  // Dots that were encoded once more than a parameter needs, where a caller names a file.
  if (view.home !== 'body' && view.home !== 'key' && /percent|unicode|escapes/.test(view.decoded)) return 'climb'
  const odd = /^\.\.[\\;,]|^\.{3,}[\\/]|^\.\.\/\/|^\.[\\/]\.[\\/]/.test(run) && !/^\.\.\\[a-z]/.test(run)
  return odd && view.home !== 'body' && /\.\.[\\/;]/.test(run) ? 'climb' : null
}

/** `..2f..2f..2f`: the slash lost its percent sign, or is a sign that some decoder takes for one. */
function oddClimb(view: View, start: number, _end: number): string | null {
  const { lower } = view
  if (start > 0 && lower.charCodeAt(start - 1) === 46) return null
  if (!view.document && /^\.\.(?:2f|5c)[\w.-]{2,40}(?:2f|5c)/.test(lower.slice(start, start + 60))) return 'climb'
  const next = indexWithin(lower, '..', start + 3, 8)
  if (next === -1 || next - start > 8 || next - start < 3) return null
  const unit = lower.slice(start, next)
  return lower.startsWith(unit.repeat(3), start) && !/\s/.test(unit) ? 'climb' : null
}

function countSteps(run: string): number {
  let steps = 0
  let at = 0
  while (at < run.length) {
    const found =
      /^(?:\.{2,}[;,]?[/\\]+|\.[/\\]\.[/\\]|\\?\.\.[/\\]+|0x2e0x2e(?:0x2f|0x5c|[/\\])|\.\.0x(?:2f|5c)|\.{2}$|[/\\]+\.{2}|\.[/\\]+)/.exec(
        run.slice(at, at + 24),
      )
    if (found === null) break
    if (/\.\.|0x2e0x2e|^\.[/\\]\./.test(found[0])) steps++
    at += found[0].length
  }
  return steps
}

function isSensitive(rest: string): boolean {
  return /^(?:\w{1,20}[/\\]){0,5}(?:etc[/\\]|passwd|shadow|boot\.ini|win\.ini|winnt|windows|system32|proc[/\\]|web-inf|\.ssh|\.aws|\.env|\.git|\.htaccess|id_rsa|var[/\\]log|root[/\\]|config\.|(?:config|conf|settings)[/\\](?:database|secrets?|master|credentials|parameters|settings|app)|wp-config|php\.ini|secrets?\b|credentials|httpd|apache|logs?[/\\]|inetpub|autoexec|private[/\\])/.test(
    rest,
  )
}

const isServerFolder = (rest: string): boolean => /^(?:usr|bin|dev|tmp|home|opt|mnt|srv|lib)[/\\]/.test(rest)

/** `../../schemas/order.json`: forward slashes only, from the start, to a named file. */
function isReference(view: View, start: number, rest: string): boolean {
  if (
    view.home === 'query' ||
    view.home === 'path' ||
    view.home === 'header' ||
    view.home === 'cookie' ||
    view.home === 'file-name'
  )
    return false
  if (rest === '' && view.whole === view.lower && /^(?:\.\.\/){1,3}$/.test(view.whole)) return true
  const plain = /^((?:[\w@.-]{1,40}\/){0,8}[\w@.-]{1,60}(?:#[\w/-]{0,60})?)(?=$|[\s)'",;])/.exec(rest)?.[1]
  if (plain === undefined || (view.chars & has.backslash) !== 0 || view.decoded !== '') return false
  if (start !== 0 && !/[\s('"]/.test(view.lower.charAt(start - 1))) return false
  return (
    /\.[a-z]{1,8}(?:$|#)|^[\w@-]+(?:\/[\w@-]+)*$/.test(plain) &&
    !/\.(?:log|ini|conf|cfg|db|bak|old|sql|htpasswd|key|pem)$/.test(plain)
  )
}

function systemFile(view: View, start: number, end: number): string | null {
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
function absolute(view: View, start: number): string | null {
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

function windowsFile(view: View, start: number, end: number): string | null {
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

function secretFile(view: View, start: number, end: number): string | null {
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

function wrapper(view: View, start: number, end: number): string | null {
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
