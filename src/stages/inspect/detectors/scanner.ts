import type { Detector } from '../view.js'
import { isWordAt } from './near.js'

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
