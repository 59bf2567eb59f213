/**
 * The risks that findings are mapped to: numbers and names of the OWASP API Security Top 10 (2023 edition) and of the
 * Cloud Security Alliance's twelve most critical risks for serverless applications (2019).
 */
export const risks = {
  'API1:2023': 'Broken Object Level Authorization',
  'API2:2023': 'Broken Authentication',
  'API3:2023': 'Broken Object Property Level Authorization',
  'API4:2023': 'Unrestricted Resource Consumption',
  'API5:2023': 'Broken Function Level Authorization',
  'API6:2023': 'Unrestricted Access to Sensitive Business Flows',
  'API7:2023': 'Server Side Request Forgery',
  'API8:2023': 'Security Misconfiguration',
  'API9:2023': 'Improper Inventory Management',
  'API10:2023': 'Unsafe Consumption of APIs',
  'SAS-1': 'Function Event-Data Injection',
  'SAS-2': 'Broken Authentication',
  'SAS-3': 'Insecure Serverless Deployment Configuration',
  'SAS-4': 'Over-Privileged Function Permissions and Roles',
  'SAS-5': 'Inadequate Function Monitoring and Logging',
  'SAS-6': 'Insecure Third-Party Dependencies',
  'SAS-7': 'Insecure Application Secrets Storage',
  'SAS-8': 'Denial of Service and Financial Resource Exhaustion',
  'SAS-9': 'Serverless Business Logic Manipulation',
  'SAS-10': 'Improper Exception Handling and Verbose Error Messages',
  'SAS-11': 'Legacy / Unused Functions and Cloud Resources',
  'SAS-12': 'Cross-Execution Data Persistency',
} as const

export type Risk = keyof typeof risks
