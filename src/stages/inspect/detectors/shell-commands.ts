/** Programs whose names are no words of any prose: behind a separator they are enough. */
const tools =
  'arp atmadm auditpol autochk autoconv autofmt bcdboot bdehdcfg bootcfg cacls certreq chcp chkdsk chkntfs cmdkey defrag dfsrmig diantz diskcomp diskcopy diskperf diskraid diskshadow dispdiag dnscmd doskey driverquery dsacls dsadd dsamain dsdbutil dsget dsmgmt dsmod dsmove dsrm endlocal eventcreate eventquery eventtriggers evntcmd findstr flattemp freedisk ftype gettype gpfixup gpupdate graftabl ipxroute irftp klist ksetup ktmutil ktpass lodctr logman logoff lpq macfile makecab manage-bde mapadmin mklink mountvol mqbkup mqsvc mqtgsvc msdt msinfo32 netcfg nfsadmin nfsshare nfsstat nlbmgr ntbackup ntcmdprompt ntdsutil ntfrsutl openfiles pagefileconfig pathping pbadmin pentnt perfmon pnpunattend pnputil powercfg prncnfg prndrvr prnjobs prnmngr prnport prnqctl pubprn qappsrv qprocess qwinsta rasdial rdpsign redircmp redirusr regini relog repadmin risetup robocopy rpcping rwinsta scwcmd secedit servermanagercmd setlocal setspn setx sxstrace syskey takeown tapicfg tcmsetup tlntadmn tpmvscmgr tracerpt tscon tsdiscon tsecimp tskill tsprof typeperf tzutil unlodctr waitfor wbadmin wdsutil wecutil winrm winrs winsat wlbs xcopy 7zr adduser agetty arj ascii-xfr ascii85 aspell atobm basenc bconsole bridge bsdcat bsdtar builtin busctl byebug byobu bzcmp bzdiff bzegrep bzexe bzless bzmore cancel cargo certbot check_cups check_log check_memory check_raid check_ssl_cert check_statusfile choom cobc corelist cowsay cowthink cpan csvtool cupsfilter dhclient dmidecode dmsetup dosbox dvips easyinstall efax elvish eqn espeak exiftool facter fping ftpstats ftpwho gcore genie genisoimage ghostscript gimp ginsh gmic gnuplot grc gtester gunzip gzcat gzexe hexedit hostid htdigest ionice ipcs ipptool ispell jexec joe jrunscript julia ksshell lastcomm latex latexmk ld.so ldconfig ldd lftp logname logsave losetup lsb_release lscpu lshw lualatex luatex lwp-download lwp-dump lwp-mirror lwp-request lxterm mailx mlocate mosquitto msgattrib msgcat msgconv msgfilter msgmerge msguniq mtr nasm ncdu nc.openbsd nc.traditional netcat.traditional netkit-ftp netplan netstat newgrp nft nroff octave openvt opkg pacat parted pax pdb pdflatex pdftex perlbug perlsh pftp pg_config pic pico pidstat pkginfo pr psed psftp ptar ptx pyvenv qpdf rbash readelf restic rksh rnano rpmdb rpmquery rpmverify rsyslogd run-mailcap run-parts runscript rusers rustup sash scanmem scrot setlock slsh softlimit soelim sqlite3 ssh-agent ssh-keyscan start-stop-daemon startx stty svn svnadmin systemd-resolve tailf task taskset tasksh tbl tclsh tcping tcptraceroute tex tftp tic timedatectl tmate toybox troff tsc ttyrec ulimit unalias uncompress unlz4 unlzma unpigz unset unxz unzstd update-alternatives uudecode utmpdump valgrind vimtutor virsh volatility xelatex xetex xmodmap xmore xpad xzcmp xzdec xzdiff xzegrep xzfgrep xzless xzmore zathura zcmp zegrep zfgrep zipcloak zipdetails zipgrep zipinfo zipmerge zipnote zipsplit ziptool zrun zsoelim zstdcat zstdgrep zstdless zstdmt htop btop iotop atop nmcli ifdown ipset iptables-save ip6tables dnsmasq hostnamectl timedatectl loginctl systemd-analyze lastb lastlog lastlogin lsns chattr lsattr setfacl getfacl getcap setcap capsh fuser pidof pmap pwdx renice skill snice tload xclip xsel tmate mosh sslscan openvpn wg tcpflow tcpreplay hping p0f dnsenum dnsrecon fierce whatweb medusa ncrack patator crackmapexec responder mimikatz procdump rar unrar p7zip cabextract ar cpio lz4 lzop pigz pbzip2 unxz xzgrep bzgrep lzcat zless zmore zdiff split csplit comm uniq tac rev fold fmt column expand unexpand dos2unix unix2dos ex view rvim rview vimdiff emacsclient ed sed gawk nawk busybox toybox capsh chpasswd groupdel groupmod gpasswd pkexec doas sudoedit su runuser setuid sg visudo vigr pwconv grpconv dpkg-query apt-cache aptitude zypper pacman emerge nix-env flatpak easy_install pip2 pip3 gem2 bundle rake irb erb pry jrb jjs jrunscript jshell groovy scala kotlin perl5 python2.7 pypy ipython tclsh wish expect guile clojure erl elixir iex ghc ghci ocaml swift dotnet mono csc gcc-ar g++ clang clang++ tcc go nodejs deno bun tsc yarn pnpm bower composer.phar artisan drush wp-cli mysqladmin mysqlcheck mysqlshow mysqlimport pg_dump pg_restore pg_ctl createdb dropdb sqlplus tnsping bcp sqlcmd osql mongodump mongoexport mongoimport redis-server memcached influx cqlsh neo4j etcdctl vault consul nomad packer helm minikube kind k3s oc docker-compose lxc lxd virsh qemu vagrant gsutil eksctl kops doctl heroku netlify vercel firebase sentinelctl falconctl crowdsec cscli chef-run chef-client knife puppet salt salt-call cfagent nagios check_by_ssh cpulimit perf strace ltrace bpftrace sysdig multitime torify torsocks proxychains tor-resolve netsh nbtstat pathping psexec bcdedit fsutil wevtutil dsquery diskpart forfiles esentutl msbuild installutil regasm odbcconf cmstp msiexec runas mstsc taskmgr lsmod modprobe insmod visudo chkconfig showmount rpcinfo smbclient enum4linux hping3 arping fping ethtool iwconfig sshpass gdbserver envsubst stdbuf setarch flock rlwrap rustc cargo javac msfconsole msfvenom hashcat sqlmap tshark ngrep uuencode uudecode lzma zstd bzcat zcat xzcat cksum md5sum sha1sum sha256sum csplit mktemp mkpasswd newgrp nproc rsh rlogin rexec sysctl uuidgen vipw vmstat iostat whatis which whois whoami wget curl ifconfig ipconfig netstat nslookup uname chmod chown chgrp passwd useradd adduser userdel usermod groupadd sudo crontab systemctl journalctl iptables tcpdump nmap netcat ncat socat telnet sshd scp sftp rsync tftp ftpget tracert traceroute dig arp ifup route printenv mkfifo mknod mkdir rmdir rm mv cp ln dd tee xargs awk gawk mawk sed egrep fgrep zgrep gzip gunzip bzip2 unzip base64 base32 xxd hexdump od strings lsof pstree pgrep pkill killall nohup setsid chroot unshare nsenter docker kubectl crictl podman perl python python2 python3 ruby php php5 php7 php8 node lua gcc cc make tar cpio busybox bash zsh ksh csh tcsh dash fish sh ash powershell pwsh cmd wscript cscript mshta rundll32 regsvr32 certutil bitsadmin wmic schtasks tasklist taskkill systeminfo sysinfo icacls attrib vssadmin reg nltest quser getmac gpresult lsb_release hostname hostnamectl ifconfig ping6 pwd ls dir type ver vol env export unset printf nc vi vim nano emacs gdb strace ltrace mount umount fdisk df du ps pstree lsblk lspci lsusb dmesg uptime finger w lp mysql mysqldump psql sqlite3 redis-cli mongo mongosh aws gcloud az terraform ansible openssl gpg ssh-keygen ssh apt apt-get yum dnf apk pip pip3 npm npx gem composer systemd-run ip ss nft ncftp lynx links elinks w3m fetch aria2c axel expr seq yes tac nl tail head less more rev shuf basename dirname realpath readlink stat touch truncate iconv exec eval getent locate whereis dir dpkg rpm snap xterm screen tmux script scrot xdotool expect zip 7z start-process iex iwr irm invoke-expression invoke-webrequest invoke-restmethod invoke-command get-process get-content get-childitem get-item set-content new-object gwmi get-wmiobject start-sleep'
/** Programs that are also words: behind a separator they need arguments, or nothing else around them. */
const words =
  'id cat ping sleep echo find sort date time mail net set host who last man kill test read cut join split top at watch more less head tail copy move del erase start call for if while do shutdown reboot halt poweroff history alias source route print fold paste comm look write wall msg sc at runas assoc help info make tree users groups login su id ln type service jobs bg fg wait trap cd pushd popd nice file which link unlink install free file sum cal bc ed ex ar as ld lp lpr mt say open osascript uniq tr wc cmp diff grep perf time node go screen watch'

const strong = new Set(tools.split(' '))
const weak = new Set(words.split(' '))
/** Of the tools, the ones that are words of prose or names of products as well. */
const shared =
  'view sg go swift scala kotlin groovy deno bun yarn bundle rake kind helm vault consul nomad puppet salt knife firebase heroku vercel netlify influx guile wish mono emerge responder medusa fierce skill expand fold column split comm doas mosh tor perf vagrant packer irb pry wg rar ar ex ed fmt erb erl nawk oc artisan sentinel view nagios iex expect flatpak elixir clojure redis-server memcached neo4j'
for (const name of shared.split(' ')) {
  strong.delete(name)
  weak.add(name)
}
/** Names that people put after a separator without any command in mind. */
for (const name of [
  'links',
  'script',
  'strings',
  'expect',
  'yes',
  'type',
  'make',
  'head',
  'tail',
  'less',
  'more',
  'fish',
  'dash',
  'screen',
  'start',
  'export',
  'node',
  'fetch',
  'route',
  'stat',
  'touch',
  'mount',
  'finger',
  'attrib',
  'php',
  'python',
  'ruby',
  'perl',
  'npm',
  'docker',
  'aws',
  'mysql',
  'snap',
  'reg',
  'w',
  'ver',
  'vol',
  'ip',
  'ss',
  'cc',
  'env',
  'exec',
  'locate',
  'truncate',
  'az',
  'lua',
  'mongo',
  'openssl',
  'ssh',
  'hostname',
  'expr',
  'seq',
  'rev',
  'nl',
  'od',
  'ps',
  'cp',
  'bash',
  'powershell',
  'apt',
  'pip',
  'gem',
  'zip',
  'links',
  'axel',
  'composer',
  'terraform',
  'ansible',
  'lp',
  'ln',
  'eval',
  'dir',
  'pwd',
  'strings',
  'uptime',
  'unset',
  'printf',
  'snap',
  'tar',
  'nc',
  'dig',
  'sed',
  'cmd',
  'sh',
  'gcc',
  'tee',
  'basename',
  'dirname',
  'sudo',
  'vi',
  'passwd',
]) {
  strong.delete(name)
  weak.add(name)
}
/** Of these, the ones that a shell user types alone. */
const alone = new Set(
  'id ls dir pwd ps w df du env ver set net who users groups uptime hostname ifconfig last history cmd sh bash printenv date passwd reboot shutdown sysinfo nc php'.split(
    ' ',
  ),
)

/** How sure a name is a command: 2 by itself, 1 with arguments, 0 not at all; `alone` when it needs none. */
export function commandRank(name: string): { readonly rank: 0 | 1 | 2; readonly alone: boolean } {
  if (strong.has(name)) return sure
  if (weak.has(name)) return alone.has(name) ? loneWord : wordly
  const bare = /^(.{2,24}?)(?:\.exe|\.com|\.bat|\.cmd|\.ps1|[\d.]+)$/.exec(name)?.[1]
  if (bare !== undefined && bare !== name) {
    if (strong.has(bare) || weak.has(bare)) return /\d$/.test(name) && !strong.has(bare) ? wordly : sure
  }
  return nothing
}

const sure = { rank: 2, alone: true } as const
const loneWord = { rank: 1, alone: true } as const
const wordly = { rank: 1, alone: false } as const
const nothing = { rank: 0, alone: false } as const
