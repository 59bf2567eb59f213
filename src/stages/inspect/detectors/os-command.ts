import type { Detector } from '../view.js'
import { lead } from './near.js'
import { commandRank } from './shell-commands.js'
import { atSeparators, hiding, separators } from './shell-separators.js'
import { readWord } from './shell-word.js'
import { bareCommand, hiddenFile, program, shellshock } from './whole-commands.js'
import { batch, cmdlet, windows } from './windows-commands.js'

/*
 * Stops: shell injection on POSIX, Windows and PowerShell – a command behind a separator or in a substitution, with the
 *   quotes, carets, backslashes and variables that hide its name; shells by path, reverse shells, Shellshock.
 * How: at every separator the next word is read as a shell would read it. A name that is no word of prose is enough; one
 *   that is (cat, find, sort) must have arguments like a command's: a flag, a path, a variable, a redirection.
 * Limits: programs that are not on the list pass unless named by path; a newline separates commands only in short values.
 */
export const osCommand: Detector = {
  name: 'os-command',
  lexer: { chars: separators, pair: [hiding, hiding], find: atSeparators },
  anchors: [
    {
      words:
        'process service childitem item content location object expression webrequest restmethod command job wmiobject wmimethod ciminstance eventlog acl module variable alias history host computer netadapter netipaddress localuser localgroup localgroupmember aduser addomain adgroup credential member itemproperty psdrive pssession hotfix executionpolicy clipboard date random sleep securestring csv json string webservice transcript tracesource counter mailmessage typedata psprovider psbreakpoint scheduledtask scheduledjob smbshare netfirewallrule mppreference filehash authenticodesignature'
          .split(' ')
          .map((noun) => `-${noun}`),
      check: cmdlet,
    },
    {
      // `nmap -sV`, `tcpdump --version`, `mkfifo /tmp/x`: a tool with its arguments as the whole value.
      words: [
        ...[...'abcdefghijklmnopqrstuvwxyz'].map((letter) => ` -${letter}`),
        ' --',
        ' /e',
        ' /t',
        ' /v',
        ' /u',
        ' /d',
        ' /p',
        ' /h',
        ' /b',
        ' /r',
        ' /o',
        ' /m',
        ' /s',
        ' /l',
        ' ./',
        ' ~/',
        ' >/',
        ' > /',
        ' http',
        ' ftp:',
      ],
      check: (view, start) => {
        if (view.document || start > 24) return null
        const name = view.lower
          .slice(0, start)
          .replace(/^(?:time|sudo|nohup|exec|env)\s/, '')
          .trim()
        return /^[a-z][\w.+-]{1,20}$/.test(name) && commandRank(name).rank === 2 && !/^(?:mv|cp|rm|ls)$/.test(name)
          ? 'command'
          : null
      },
    },
    {
      words: ['{,'],
      check: (view, start, end) =>
        !view.document &&
        (start === 0 || /[;&|`(\s]/.test(view.lower.charAt(start - 1))) &&
        /^[\w./-]{1,20},[^}]{0,60}\}/.test(view.lower.slice(end, end + 90))
          ? 'brace expansion'
          : null,
    },
    {
      words: ['<<<'],
      check: (view, start, end) => {
        if (view.document || !/^\s?['"$(\w]/.test(view.lower.slice(end, end + 3))) return null
        const name = /(\$\{?0\}?|[\w./-]{1,40})\s?$/.exec(lead(view.lower, start, 44))?.[1] ?? ''
        return name.startsWith('$') || commandRank(name.slice(name.lastIndexOf('/') + 1)).rank > 0
          ? 'here-string'
          : null
      },
    },
    { words: ['~+', '~-'], check: (view) => (/^~[+-]\d{0,3}$/.test(view.whole) ? 'tilde expansion' : null) },
    {
      words: ['.shell ', '.system ', '.load ', '.import '],
      check: (view, start, end) =>
        !view.document &&
        (start === 0 || /[\s;'"]/.test(view.lower.charAt(start - 1))) &&
        start < 8 &&
        /^(?:[\w./'"-]{1,40})(?:\s|$)/.test(view.lower.slice(end, end + 42)) &&
        (end - start > 7 ||
          /[/\\'"]/.test(view.lower.slice(end, end + 24)) ||
          commandRank(readWord(view.lower, end).name).rank > 0)
          ? 'command of a database shell'
          : null,
    },
    {
      words: [
        ' geq ',
        ' gtr ',
        ' equ ',
        ' lss ',
        ' leq ',
        ' neq ',
        'if "%',
        'if %',
        'if not ',
        'if /i',
        'if (',
        'if [',
        'for %',
        'if exist',
        'if defined',
      ],
      check: batch,
    },
    { words: ['/etc/', '/e?', '/e*', '/??', '/?t', 'cat /'], check: hiddenFile },
    {
      words: ['alias '],
      check: (view, start, end) =>
        !view.document &&
        (start === 0 || /[;&|]\s{0,2}$/.test(lead(view.lower, start, 4))) &&
        /^[\w-]{1,20}=[\w"'$]/.test(view.lower.slice(end, end + 40))
          ? 'alias'
          : null,
    },
    { words: ['/bin/', '/sbin/', '/usr/local/bin/'], check: program },
    {
      words:
        'bin/sh bin/bash bin/csh bin/ksh bin/zsh bin/dash bin/tcsh bin/cat bin/nc bin/perl bin/python bin/env bin/id bin/ls'.split(
          ' ',
        ),
      check: (view, start, end) =>
        !view.document &&
        (start === 0 || view.whole.startsWith('usr/')) &&
        start <= 10 &&
        /^[\d.]{0,4}(?:$|[\s;|&])/.test(view.lower.slice(end, end + 6))
          ? 'program by path'
          : null,
    },
    {
      words: ['() {', '(){', '() :', '() _', '() ;'],
      check: (view, start) => shellshock(view, start),
    },
    {
      words: ['/dev/tcp/', '/dev/udp/'],
      check: (view, start) =>
        view.document && !/[<>&]\s{0,2}$/.test(view.lower.slice(Math.max(0, start - 3), start))
          ? null
          : 'reverse shell',
    },
    {
      words: ['${ifs', '$ifs', '$@|', '${path:', '${home:', '${shell', '$((', "$'\\"],
      check: (view, start, end) =>
        view.document || /^\$\{(?:path|home|shell)\w{0,3}(?::[-=+?]|\}|\.)/.test(view.lower.slice(start, start + 14))
          ? null
          : view.lower.slice(end - 3, end) === '$((' && !/^[\d\s+*-]{1,12}\)\)/.test(view.lower.slice(end, end + 16))
            ? null
            : 'shell variable',
    },
    {
      words: [
        'cmd.exe',
        'cmd /c',
        'cmd /k',
        'cmd /v',
        'cmd /q',
        'cmd /s',
        'cmd.exe/c',
        'powershell',
        'pwsh',
        'system32\\',
        'system32/',
        '%comspec%',
        '%systemroot%',
        '%windir%',
        '%programfiles',
        '%path:',
        '%userprofile%',
        '%temp%',
        '%computername%',
        'wscript.',
        'mshta ',
        'rundll32',
        'certutil',
        'bitsadmin',
        'regsvr32',
        'wmic ',
        'schtasks',
      ],
      check: windows,
    },
    {
      words: [
        'bash -',
        'ksh -c',
        'dash -c',
        'zsh -c',
        'ash -c',
        'csh -c',
        'busybox ',
        'sh -c',
        'sh -i',
        'nc -',
        'ncat ',
        'netcat ',
        'mkfifo',
        'python -c',
        'python3 -c',
        'perl -e',
        'ruby -e',
        'php -r',
        'node -e',
        'lua -e',
        'chmod ',
        'wget ',
        'curl ',
        'socat ',
        'telnet ',
        'nslookup ',
        'uname -',
        'ifconfig',
        'whoami',
        'cat /',
        'ls -',
        'ls /',
        'rm -',
        'ping -',
        'iex ',
        'iex(',
        'invoke-',
        'new-object',
        'start-process',
        'net user',
        'net localgroup',
        'net view',
        'net share',
        'reg add',
        'reg query',
        'dir c:',
        'type c:',
        'type %',
        'del c:',
        'for /',
        'set /',
        'find /',
        'grep /',
        'less /',
        'more /',
        'head /',
        'tail /',
        'vi /',
        'nano /',
        'echo $',
        'echo %',
        'echo `',
        'nohup ',
        'setsid ',
        'timeout ',
        'sleep ',
        'sudo ',
        'tftp ',
        'scp ',
        'crontab',
        'kill -',
        'ps -',
        'id;',
        'uname',
        'passwd',
      ],
      check: bareCommand,
    },
    {
      words: [
        '{cat,',
        '{ls,',
        '{id,',
        '{ifconfig',
        ',ifconfig',
        '{wget,',
        '{curl,',
        '{echo,',
        '{sh,',
        '{bash,',
        '{uname,',
        '{nc,',
        '{ping,',
        '{sleep,',
      ],
      check: (view) => (view.document ? null : 'brace expansion'),
    },
  ],
}
