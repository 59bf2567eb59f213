/** Kinds of SQL tokens, as far as the shape of an injection depends on them. */
export const kind = {
  end: 0,
  number: 1,
  word: 2,
  quote: 3,
  open: 4,
  close: 5,
  comma: 6,
  semicolon: 7,
  operator: 8,
  compare: 9,
  logic: 10,
  comment: 11,
  select: 12,
  union: 13,
  all: 14,
  from: 15,
  where: 16,
  having: 17,
  order: 18,
  group: 19,
  by: 20,
  limit: 21,
  into: 22,
  verb: 23,
  object: 24,
  set: 25,
  values: 26,
  exec: 27,
  declare: 28,
  waitfor: 29,
  delay: 30,
  nothing: 31,
  not: 32,
  case: 33,
  variable: 34,
  exists: 35,
  dot: 36,
  between: 37,
  is: 38,
  versioned: 39,
  top: 40,
  other: 41,
  /** A function or procedure that hardly any text but SQL names. */
  telltale: 42,
  /** A function of SQL whose name is also a word of other languages. */
  common: 43,
  /** A schema, table or column that attackers read. */
  system: 44,
  procedure: 45,
  shutdown: 46,
  in: 47,
} as const

/** What `before` says of a backtick: odd, so that it never ends a host's string. */
export const backtick = -1

/** Functions and procedures that hardly any text but SQL names. */
export const telltales =
  'pg_sleep benchmark extractvalue updatexml load_file xp_cmdshell xp_dirtree xp_regread xp_fileexist sp_executesql sp_password sp_oacreate sp_configure sp_makewebtask sp_addextendedproc utl_http utl_inaddr utl_file dbms_pipe dbms_lock dbms_java dbms_xmlgen dbms_xmlquery dbms_ldap dbms_utility ctxsys drithsx randomblob zeroblob generate_series group_concat concat_ws xmltype httpuritype openrowset opendatasource openquery sqlite_version sqlite_compileoption_get load_extension gtid_subset gtid_subtract json_keys unhex lo_import lo_export lo_from_bytea current_setting pg_read_file pg_ls_dir pg_stat_file query_to_xml database_to_xml sys_context system_user session_user aes_decrypt aes_encrypt des_decrypt des_encrypt make_set export_set elt st_latfromgeohash st_longfromgeohash st_pointfromgeohash name_const multipoint multilinestring multipolygon linestring geometrycollection last_insert_id row_count connection_id found_rows sqlite_master rawtohex hextoraw to_nchar nchr json_extract json_array_length inet6_aton is_srvrolemember is_member suser_name suser_sname db_name fn_listextendedproperty xmlagg xmlelement listagg string_agg array_to_string has_table_privilege current_database current_user user_lock getpgusername pg_client_encoding sys_eval sys_exec reverse_bytes uuid_short release_lock get_lock master_pos_wait adddate addtime array_agg asciistr bit_count bit_length bit_or bit_xor char_length character_length coercibility compose convert_tz crc32 cume_dist curtime current_date current_time current_timestamp date_format date_sub datediff dayname dayofmonth dayofweek dayofyear dense_rank encrypt find_in_set from_base64 from_days from_unixtime get_format geomfromtext greatest inet6_ntoa inet_aton inet_ntoa is_free_lock is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_used_lock jsonb_array_elements jsonb_pretty jsonb_insert jsonb_set json_object json_value json_arrayagg json_each json_tree last_day localtime localtimestamp ltrim rtrim makedate maketime monthname microsecond octet_length old_password period_add period_diff polyfromtext pointfromtext pg_column_size pg_database_size pg_relation_size pg_get_userbyid pg_read_binary_file pg_stat_activity pg_advisory_lock pg_terminate_backend regexp_replace regexp_matches regexp_like regexp_substr sec_to_time soundex sp_help sp_who2 sp_oamethod sqlite_source_id stddev_pop stddev_samp str_to_date strcmp strftime subdate substring_index subtime time_format time_to_sec timediff timestampadd timestampdiff to_base64 to_days to_number to_seconds to_timestamp to_char to_date total_changes ucase uncompress uncompressed_length unistr unix_timestamp utc_date utc_time utc_timestamp validate_password_strength var_pop var_samp weekofyear weight_string xp_availablemedia xp_enumdsn xp_loginconfig xp_ntsec xp_servicecontrol xp_subdirs xp_terminate xmlserialize xmlquery xmlparse yearweek st_geomfromtext st_astext object_id object_name col_name type_name db_id user_id hashbytes datalength patindex newsequentialid scope_identity sysdatetime fn_virtualfilestats dbms_metadata dbms_sql dbms_scheduler dbms_assert dbms_output user_defined sys_guid rank_dense bin_to_uuid uuid_to_bin ps_current_thread_id format_bytes any_value bit_xor_agg starts_with_sql lo_create lo_put pg_logdir_ls table_to_xml cursor_to_xml query_to_xmlschema'

const keywords: Readonly<Record<string, string>> = {
  select: 'select',
  union: 'union',
  intersect: 'union',
  except: 'union',
  minus: 'union',
  all: 'all',
  distinct: 'all',
  distinctrow: 'all',
  from: 'from',
  where: 'where',
  having: 'having',
  order: 'order',
  group: 'group',
  by: 'by',
  limit: 'limit',
  into: 'into',
  'insert update delete drop create alter truncate grant revoke merge replace load backup restore call copy handler rename attach use begin do':
    'verb',
  'table database view procedure function user index schema trigger login role column tablespace sequence outfile dumpfile data':
    'object',
  set: 'set',
  values: 'values',
  'exec execute': 'exec',
  declare: 'declare',
  waitfor: 'waitfor',
  'delay time': 'delay',
  'null true false': 'nothing',
  not: 'not',
  'case when then': 'case',
  exists: 'exists',
  between: 'between',
  is: 'is',
  top: 'top',
  in: 'in',
  'or and xor': 'logic',
  'like rlike regexp ilike sounds similar glob': 'compare',
  shutdown: 'shutdown',
  'div mod binary collate escape': 'operator',
  [telltales]: 'telltale',
  'sleep char chr nchar ascii ord hex bin concat substring substr substrb mid left right length len char_length cast convert count user database version schema iif if ifnull nullif coalesce isnull md5 sha1 sha2 rand floor round exp pow power sqrt abs sign upper lower ucase lcase reverse replace repeat space instr locate position lpad rpad trim max min sum avg now sysdate curdate date_add unix_timestamp bit_and decode encode nvl lead rownum newid host_name to_char initcap quote printf typeof likelihood unicode':
    'common',
  'information_schema sysobjects syscolumns sysusers syslogins sysdatabases pg_catalog pg_tables pg_shadow pg_user pg_database all_tables all_users all_tab_columns user_tables user_tab_columns user_objects user_users dba_users dba_tables dual msysobjects msysaces msysaccessobjects rdb sqlite_temp_master sqlite_sequence v dbo sys tablespace table_name table_schema column_name schema_name master msdb tempdb mysql':
    'system',
}

const table = new Map<string, number>()
for (const [words, name] of Object.entries(keywords)) {
  for (const word of words.split(' ')) table.set(word, kind[name as keyof typeof kind]) // the values above are its keys
}

/**
 * For the first two letters of a word, a bit for each length that some keyword with them has: most words of prose are
 * none, and this says so without making a string of them.
 */
const keywordLengths = new Uint32Array(26 * 26)
for (const word of table.keys()) {
  const pair = pairOf(word, 0)
  if (pair !== -1) keywordLengths[pair] = (keywordLengths[pair] ?? 0) | (1 << word.length)
}

/** The first two letters as one number; -1 unless both are small letters. */
function pairOf(text: string, at: number): number {
  const first = text.charCodeAt(at) - 97
  const second = text.charCodeAt(at + 1) - 97
  return first >= 0 && first < 26 && second >= 0 && second < 26 ? first * 26 + second : -1
}

/** The kind of the word between two offsets. */
function wordKind(text: string, start: number, end: number): number {
  const length = end - start
  if (length > 24) return kind.word
  const pair = pairOf(text, start)
  if (length > 1 && pair !== -1 && ((keywordLengths[pair] ?? 0) & (1 << length)) === 0) return kind.word
  return table.get(text.slice(start, end)) ?? kind.word
}

/** The tokens of a text read as SQL. Quotes are tokens of their own, so that one reading serves every context. */
export interface SqlTokens {
  readonly kinds: readonly number[]
  readonly starts: readonly number[]
  readonly ends: readonly number[]
  /** For a quote token: how many of the same sign came before it. An even number: it would end the host's string. */
  readonly before: readonly number[]
  readonly count: number
  /** Whether the token that is looked at stands in a fenced block of Markdown: an example, not a statement. */
  fenced: boolean
}

const wordSign = new Uint8Array(128)
for (const sign of 'abcdefghijklmnopqrstuvwxyz0123456789_$') wordSign[sign.charCodeAt(0)] = 1

const isDigit = (code: number): boolean => code >= 48 && code <= 57
const isWordSign = (code: number): boolean => (code < 128 ? wordSign[code] === 1 : code > 0xbf)
const isBlank = (code: number): boolean => code <= 32

// One text is read at a time, and its tokens are forgotten before the next: arrays that grow anew for each text took half
// of the time. Texts of a length never seen before make them longer, and they stay so.
const kinds: number[] = []
const starts: number[] = []
const ends: number[] = []
const before: number[] = []
let count = 0

function push(type: number, start: number, end: number, quotes = 0): void {
  kinds[count] = type
  starts[count] = start
  ends[count] = end
  before[count] = quotes
  count++
}

/** Nothing of the text before may be seen behind the last token. */
function cutBehind(): void {
  if (kinds.length === count) return
  kinds.length = count
  starts.length = count
  ends.length = count
  before.length = count
}

/** Splits lower-case text into tokens. Linear; closed comments are blanks. The tokens hold until the next text is read. */
export function lexSql(text: string): SqlTokens {
  count = 0
  let single = 0
  let double = 0
  const length = text.length
  let i = 0
  while (i < length) {
    const code = text.charCodeAt(i)
    if (isBlank(code)) {
      i++
      continue
    }
    if (isDigit(code)) {
      const end = numberEnd(text, i)
      push(kind.number, i, end)
      i = end
      continue
    }
    if (isWordSign(code)) {
      let end = i + 1
      while (end < length && (isWordSign(text.charCodeAt(end)) || isHyphen(text, end))) end++
      push(wordKind(text, i, end), i, end)
      i = end
      continue
    }
    const next = i + 1 < length ? text.charCodeAt(i + 1) : 0
    switch (code) {
      case 39:
        if (isApostrophe(text, i)) break
        push(kind.quote, i, i + 1, single++)
        break
      case 34:
        push(kind.quote, i, i + 1, double++)
        break
      case 96:
        // Hardly ever an attack's way out, mostly a mention of something in Markdown.
        push(kind.quote, i, i + 1, backtick)
        break
      case 40:
        push(kind.open, i, i + 1)
        break
      case 41:
        push(kind.close, i, i + 1)
        break
      case 44:
        push(kind.comma, i, i + 1)
        break
      case 59:
        push(kind.semicolon, i, i + 1)
        break
      case 46:
        push(kind.dot, i, i + 1)
        break
      case 35: {
        const end = lineEnd(text, i)
        push(kind.comment, i, end)
        i = end
        continue
      }
      case 45:
        if (next === 45) {
          const end = lineEnd(text, i)
          push(kind.comment, i, end)
          i = end
          continue
        }
        push(kind.operator, i, i + 1)
        break
      case 47:
        if (next === 42) {
          const close = text.indexOf('*/', i + 2)
          if (text.charCodeAt(i + 2) === 33) {
            push(kind.versioned, i, i + 3)
            i += 3
            while (i < length && isDigit(text.charCodeAt(i))) i++
            continue
          }
          if (close === -1) {
            push(kind.comment, i, length)
            i = length
            continue
          }
          i = close + 2
          continue
        }
        push(kind.operator, i, i + 1)
        break
      case 42:
        if (next === 47) {
          i += 2 // the end of a versioned comment
          continue
        }
        push(kind.operator, i, i + 1)
        break
      case 61:
      case 60:
      case 62:
      case 33: {
        let end = i + 1
        while (end < length && end - i < 3 && isCompareSign(text.charCodeAt(end))) end++
        push(code === 33 && end === i + 1 ? kind.operator : kind.compare, i, end)
        i = end
        continue
      }
      case 124:
      case 38:
        if (next === code) {
          push(kind.logic, i, i + 2)
          i += 2
          continue
        }
        push(kind.operator, i, i + 1)
        break
      case 64: {
        let end = i + 1
        while (end < length && (text.charCodeAt(end) === 64 || isWordSign(text.charCodeAt(end)))) end++
        push(end === i + 1 ? kind.operator : kind.variable, i, end)
        i = end
        continue
      }
      case 92: {
        // `\N` is MySQL's NULL, and may be glued to what follows: `1\Nunion select`.
        if (next !== 110) {
          push(kind.other, i, i + 1)
          break
        }
        let end = i + 2
        while (end < length && isWordSign(text.charCodeAt(end))) end++
        const isNull = end === i + 2 || wordKind(text, i + 2, end) !== kind.word
        push(isNull ? kind.nothing : kind.other, i, isNull ? i + 2 : i + 1)
        i += isNull ? 2 : 1
        continue
      }
      case 43:
      case 37:
      case 94:
      case 126:
        push(kind.operator, i, i + 1)
        break
      default:
        push(kind.other, i, i + 1)
    }
    i++
  }
  cutBehind()
  return { kinds, starts, ends, before, count, fenced: false }
}

/** `xcode-select` is one word; `1-sleep(5)` and `'-sleep(5)-'` are not. */
const isHyphen = (text: string, at: number): boolean =>
  text.charCodeAt(at) === 45 && isLetter(text.charCodeAt(at - 1)) && isLetter(text.charCodeAt(at + 1))

const isCompareSign = (code: number): boolean => code === 60 || code === 61 || code === 62

/** `0x1f`, `1.5`, `1e3`; letters after a plain number start a word: `1or 1=1`. */
function numberEnd(text: string, start: number): number {
  let end = start + 1
  if (text.charCodeAt(start) === 48 && text.charCodeAt(end) === 120) {
    end++
    while (end < text.length && /[0-9a-f]/.test(text.charAt(end))) end++
    return end
  }
  while (end < text.length && (isDigit(text.charCodeAt(end)) || isFraction(text, end))) end++
  if (text.charCodeAt(end) === 101 && isDigit(text.charCodeAt(end + 1))) {
    end += 2
    while (end < text.length && isDigit(text.charCodeAt(end))) end++
  }
  return end
}

const isFraction = (text: string, at: number): boolean => text.charCodeAt(at) === 46 && isDigit(text.charCodeAt(at + 1))

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end === -1 ? text.length : end
}

const contractions = new Set(['s', 't', 're', 've', 'll', 'd', 'm', 'n', 'em', 'all', 'clock'])

/** Letters on both sides make an apostrophe (don't, O'Brien), unless a keyword follows: `x'or'1'='1`. */
function isApostrophe(text: string, at: number): boolean {
  if (at === 0 || !isLetter(text.charCodeAt(at - 1))) return false
  let end = at + 1
  while (end < text.length && end - at < 26 && isLetter(text.charCodeAt(end))) end++
  if (end === at + 1) return false
  const word = text.slice(at + 1, end)
  return contractions.has(word) || !table.has(word)
}

const isLetter = (code: number): boolean => (code >= 97 && code <= 122) || code > 0xbf
