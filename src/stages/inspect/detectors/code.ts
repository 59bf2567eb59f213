import { has } from '../character-classes.js'
import type { Anchor, Detector, Finding, View } from '../view.js'
import { fits, isWordAt, lead } from './near.js'

/*
 * Stops: code of PHP, Java, Node.js, Python, Ruby, Perl and .NET where a value is expected – calls that run commands or
 *   read files, tags that open code, class names for gadgets, and serialised objects of each.
 * How: a name that is only ever called in code, with its bracket; a class name as the whole value; a serialised object by
 *   its own syntax.
 * Limits: documents may show code; names of exceptions pass, since logs and error reports are made of them.
 */
const calls: readonly string[] =
  'set_time_limit error_reporting system exec shell_exec passthru popen proc_open pcntl_exec phpinfo phpversion base64_decode base64_encode gzinflate gzuncompress str_rot13 assert preg_replace create_function call_user_func call_user_func_array file_get_contents file_put_contents fopen readfile show_source highlight_file php_uname getcwd scandir opendir readdir unserialize include_once require_once array_map array_filter usort register_shutdown_function move_uploaded_file symlink fwrite fputs fsockopen curl_exec curl_init ini_set ini_get putenv getenv eval execfile compile __import__ subprocess intval strrev chr ord hex2bin bin2hex var_dump print_r gethostbyname gethostbynamel sleep usleep die exit get_defined_vars phpcredits posix_getpwuid apache_setenv mysql_query sqlite_open error_log escapeshellarg parse_str extract array_walk array_reduce ob_start header mail is_dir is_file mkdir rmdir unlink chmod glob parse_ini_file getmyuid sodium_crypto_aead_chacha20poly1305_ietf_keygen htmlspecialchars strtolower urldecode json_decode simplexml_load_string filter_var filter_input unpack printf vprintf sprintf fprintf array_diff_uassoc array_diff_ukey array_intersect_uassoc array_intersect_ukey array_udiff array_uintersect array_walk_recursive array_key_exists array_merge array_pop array_push array_rand array_reverse array_search array_shift array_slice array_splice array_unshift array_values array_keys array_combine array_fill array_flip uasort uksort call_user_method forward_static_call forward_static_call_array func_get_args func_get_arg function_exists get_class_methods get_class_vars get_declared_classes get_object_vars method_exists property_exists spl_autoload_register register_tick_function iterator_apply ob_get_contents ob_end_clean ob_get_clean output_add_rewrite_var session_set_save_handler session_start session_destroy set_error_handler set_exception_handler set_include_path get_include_path stream_context_create stream_get_contents stream_socket_client stream_wrapper_register fgetcsv fgets fpassthru fputcsv fread fseek ftruncate file_exists fileatime filectime filegroup fileinode filemtime fileowner fileperms filesize filetype is_executable is_readable is_writable is_writeable is_link link linkinfo lstat readlink realpath tempnam tmpfile chgrp lchown disk_free_space disk_total_space ftp_connect ftp_exec ftp_get ftp_login ftp_put ftok posix_getegid posix_geteuid posix_getgid posix_getlogin posix_kill posix_mkfifo posix_setuid posix_uname pcntl_fork pcntl_signal proc_close proc_get_status proc_nice proc_terminate pfsockopen socket_accept socket_bind socket_connect socket_create socket_listen dns_get_record getmxrr checkdnsrr gethostname inet_ntop curl_file_create curl_multi_exec curl_setopt mb_ereg mb_ereg_replace mb_send_mail mb_strtolower preg_grep preg_match preg_match_all preg_quote preg_split preg_replace_callback ereg_replace eregi_replace str_replace str_ireplace str_repeat str_split strpos strripos strrpos strtr strtoupper substr_count substr_replace substr_compare ucfirst ucwords lcfirst wordwrap nl2br addslashes addcslashes stripslashes stripcslashes strip_tags html_entity_decode htmlentities http_build_query rawurldecode rawurlencode urlencode base_convert bindec decbin dechex decoct hexdec octdec random_int mt_rand openssl_decrypt openssl_encrypt openssl_sign password_hash password_verify md5_file sha1_file hash_file hash_hmac hash_hmac_file hash_init hash_update_file crypt_r gzcompress gzdecode gzdeflate gzencode gzfile gzgetc gzopen gzpassthru gzread gzwrite bzcompress bzdecompress bzopen bzread zip_open zip_read readgzfile imagecreatefromgif imagecreatefromjpeg imagecreatefrompng imagejpeg imagepng exif_read_data exif_thumbnail getimagesize iptcembed parse_ini_string ini_alter ini_get_all ini_restore php_ini_loaded_file php_sapi_name php_strip_whitespace runkit_function_rename zend_version sys_getloadavg getlastmod getmypid getmyinode getservbyname getservbyport getrusage get_current_user get_cfg_var get_loaded_extensions get_resource_type gettype settype is_callable is_numeric is_a mysqli_query mysql_connect mysqli_connect pg_query pg_connect sqlite_query odbc_exec odbc_connect oci_connect ibase_query mssql_query dba_open ldap_search imap_open imap_mail mail_send simplexml_load_file dom_import_simplexml xml_parse xml_parser_create xslt_process yaml_parse unserialize_callback var_export debug_zval_refcount debug_backtrace debug_print_backtrace error_get_last trigger_error user_error assert_options eval_hook create_object compact constant define defined sodium_crypto_box sodium_crypto_secretbox mcrypt_encrypt wp_remote_get date_default_timezone_set convert_uudecode convert_uuencode quoted_printable_decode iconv_strlen utf8_decode utf8_encode ctype_alpha ctype_digit'.split(
    ' ',
  )
/** Calls that also stand in ordinary text or in harmless expressions: these need an argument like an attacker's. */
const mild = new Set(
  'system exec eval assert compile header mail extract glob sleep die exit chr ord mkdir unlink symlink chmod intval array_map array_filter usort include_once require_once getenv putenv chmod error_log strtolower json_decode urldecode htmlspecialchars filter_var subprocess rmdir is_file is_dir printf sprintf unpack link define compact constant strpos filesize filetype fgets fread fseek realpath gettype settype is_a defined htmlentities wordwrap ucfirst ucwords lcfirst strtoupper strtr urlencode str_replace str_repeat str_split preg_match readlink tempnam file_exists gethostname fopen fwrite getcwd'.split(
    ' ',
  ),
)

/** The first part of the names of PHP's own functions, where it is the name of no other language's. */
const phpFamilies =
  'mb tidy preg posix pcntl proc socket stream openssl mysqli mysql imap ldap ftp curl zlib xml xmlrpc session ini ob iterator spl sodium readline shmop exif finfo highlight php apache opcache wddx yaml igbinary apcu memcache sqlite sqlsrv oci odbc ibase cubrid ctype dba dbase dns enchant ereg expect fann fbsql fdf fribidi geoip gmp gnupg iconv inotify intl kadm5 lzf mcrypt mhash ming mssql ncurses newt numfmt ocp parsekit pdf pspell px radius rar recode rrd runkit sem shm ssh2 stomp svn swoole sybase tcpwrap timezone trader uopz variant virtual vpopmail win32 wincache xattr xdiff xhprof xslt yaz zend'.split(
    ' ',
  )

/** Functions and classes of PHP that nobody but an attacker puts into a parameter, even without a call. */
const certainNames =
  'apache_child_terminate base64_decode bzdecompress call_user_func call_user_func_array call_user_method convert_uudecode file_get_contents file_put_contents fsockopen get_class_methods get_class_vars get_defined_constants get_defined_functions get_defined_vars gzdecode gzinflate gzuncompress include_once invokeargs pcntl_exec pcntl_fork pfsockopen posix_getcwd posix_getpwuid posix_getuid posix_uname reflectionfunction require_once shell_exec str_rot13 sys_get_temp_dir wp_remote_fopen wp_remote_get phpinfo passthru proc_open create_function show_source highlight_file __halt_compiler'.split(
    ' ',
  )
const certain = new Set(certainNames)

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

function serializedPhp(view: View, start: number, end: number): string | null {
  const before = view.lower.charAt(start - 1)
  if (before !== '' && !/[\s;{"'=,]/.test(before)) return null
  const word = view.lower.charAt(start)
  const rest = view.lower.slice(end, end + 120)
  if (word === 'o') return /^\+?\d{1,4}:"[\w\\]{1,80}":\+?\d{1,4}:\{/.test(rest) ? 'serialised PHP object' : null
  if (word === 'a')
    return /^\d{1,4}:\{(?:s:\d{1,6}:"|i:\d{1,6};)/.test(rest) &&
      /o:\d{1,4}:"/.test(view.lower.slice(start, start + 1000))
      ? 'serialised PHP object'
      : null
  return word === 'c' && /^\d{1,4}:"[\w\\]{1,80}":\d{1,6}:\{/.test(rest) ? 'serialised PHP object' : null
}

function serializedBase64(view: View, start: number, end: number): string | null {
  const name = view.lower.slice(start, end)
  const real = view.text.slice(start, end)
  if (start !== 0 && /[A-Za-z0-9+/]/.test(view.text.charAt(start - 1))) return null
  if (name === 'ro0ab') return real === 'rO0AB' ? 'serialised Java object' : null
  if (name === 'aced0005')
    return /^(?:73|77|75|74|78)/.test(view.lower.slice(end, end + 2)) || view.lower.length === 8
      ? 'serialised Java object'
      : null
  if (name === 'kztaau' || name === 'cs7qaf')
    return real === 'KztAAU' || real === 'Cs7QAF' ? 'serialised Java object' : null
  if (name === 'ks0xb') return real === 'KztAB' || real === 'Ks0xB' ? 'serialised Java object' : null
  if (name === 'aaeaaad')
    return real === 'AAEAAAD' && /^\/{4}/.test(view.text.slice(end, end + 4)) ? 'serialised .NET object' : null
  if (name === 'gasv')
    return real === 'gASV' &&
      start === 0 &&
      view.text.length > 40 &&
      /[A-Za-z0-9+/=]{36}/.test(view.text.slice(4, 44)) &&
      /jCFBvc2l4|c3lzdGVt|YnVpbHRpbnM|c3VicHJvY2Vzcw|b3MU|cG9zaXg/.test(view.text)
      ? 'serialised Python object'
      : null
  return null
}

function serializedNamed(view: View, start: number, end: number): string | null {
  const name = view.lower.slice(start, end)
  if (name.startsWith('@type') || name.startsWith('"$type'))
    return /^(?:com\.|org\.|java|sun\.|system\.|\[com|lcom)/.test(view.lower.slice(end, end + 12)) ||
      name.endsWith('system')
      ? 'type of a serialised object'
      : null
  if (view.document && !/^(?:_\$\$nd|__proto|cos|cposix|c__b)/.test(name))
    return /^(?:name|object\/apply|object:|hash|struct|object\/new|module)/.test(view.lower.slice(end, end + 14)) &&
      view.text.length < 400
      ? 'serialised object'
      : null
  return 'serialised object'
}

function node(view: View, start: number, end: number): string | null {
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

function otherLanguage(view: View, start: number, end: number): string | null {
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
function java(view: View, start: number, end: number): string | null {
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

export const prototypePollution: Detector = {
  name: 'prototype-pollution',
  anchors: [
    { words: ['__proto__'], check: (view, start, end) => polluted(view, start, end) },
    { words: ['prototype', '__definegetter__', '__definesetter__'], check: constructed },
  ],
}

/*
 * Stops: keys that reach the prototype of every object: `__proto__`, `constructor.prototype`, in JSON, in bracketed or
 *   dotted parameter names, in text that is such a name.
 * How: the key itself, or both words in one path.
 * Limits: a sentence about `__proto__` passes.
 */
function polluted(view: View, start: number, end: number): string | null {
  if (view.home === 'key') return 'prototype as a key'
  if (view.document) return null
  const before = view.lower.charAt(start - 1)
  const after = view.lower.charAt(end)
  if (before === '`') return null
  return /[[.{"'&?]/.test(before) || /[\].:=["']/.test(after) || (start === 0 && end === view.lower.length)
    ? 'prototype in a path'
    : null
}

function constructed(view: View, start: number, end: number): string | null {
  const name = view.lower.slice(start, end)
  if (name !== 'prototype') return view.document ? null : 'prototype in a path'
  if (view.home === 'key' && view.lower === 'prototype')
    return view.name === 'constructor' ? 'prototype as a key' : null
  if (view.document || view.lower.charCodeAt(start - 13) === 96) return null
  // Object.prototype.x=1
  if (
    /(?:^|[^\w.])object\.$/.test(lead(view.lower, start, 8)) &&
    /^\.\w{1,40}\s?=[^=]/.test(view.lower.slice(end, end + 48))
  )
    return 'prototype in a path'
  return /constructor['"\]]{0,2}[.[]['"]?$/.test(view.lower.slice(Math.max(0, start - 18), start))
    ? 'prototype in a path'
    : null
}

/*
 * Stops: vulnerability scanners and attack tools that say who they are in User-Agent or in a header of their own.
 * How: their names in that header.
 * Limits: any tool that lies about its name.
 */
export const scanner: Detector = {
  name: 'scanner',
  anchors: [
    {
      words:
        'sqlmap nikto nessus acunetix netsparker masscan dirbuster gobuster wpscan havij nuclei arachni w3af openvas joomscan zmeu whatweb feroxbuster commix jaeles sqlninja bsqlbf absinthe webshag grendel-scan paros/ brutus pangolin mysqloit xsstrike dirsearch wfuzz ffuf hydra metasploit nmap zgrab jbrofuzz vega/ skipfish golismero fuzz#faster palo#alto#networks httpx#-#open-source burpcollaborator burp-collaborator detectify qualys appscan webinspect fimap uniscan censysinspect wapiti xspider jorgee interactsh morfeus zap/ l9explore l9tcpid'
          .split(' ')
          .map((name) => name.replaceAll('#', ' ')),
      check: (view, start, end) =>
        view.home === 'header' &&
        !/[a-z]/.test(view.lower.charAt(end)) &&
        !/[-\w.]/.test(view.lower.charAt(start - 1)) &&
        (view.name === 'user-agent' || view.name.startsWith('x-scan')) &&
        !isWordAt(view.lower, start - 1)
          ? 'scanner'
          : null,
    },
  ],
}
