/** Functions and procedures that hardly any text but SQL names. */
export const telltales =
  'pg_sleep benchmark extractvalue updatexml load_file xp_cmdshell xp_dirtree xp_regread xp_fileexist sp_executesql sp_password sp_oacreate sp_configure sp_makewebtask sp_addextendedproc utl_http utl_inaddr utl_file dbms_pipe dbms_lock dbms_java dbms_xmlgen dbms_xmlquery dbms_ldap dbms_utility ctxsys drithsx randomblob zeroblob generate_series group_concat concat_ws xmltype httpuritype openrowset opendatasource openquery sqlite_version sqlite_compileoption_get load_extension gtid_subset gtid_subtract json_keys unhex lo_import lo_export lo_from_bytea current_setting pg_read_file pg_ls_dir pg_stat_file query_to_xml database_to_xml sys_context system_user session_user aes_decrypt aes_encrypt des_decrypt des_encrypt make_set export_set elt st_latfromgeohash st_longfromgeohash st_pointfromgeohash name_const multipoint multilinestring multipolygon linestring geometrycollection last_insert_id row_count connection_id found_rows sqlite_master rawtohex hextoraw to_nchar nchr json_extract json_array_length inet6_aton is_srvrolemember is_member suser_name suser_sname db_name fn_listextendedproperty xmlagg xmlelement listagg string_agg array_to_string has_table_privilege current_database current_user user_lock getpgusername pg_client_encoding sys_eval sys_exec reverse_bytes uuid_short release_lock get_lock master_pos_wait adddate addtime array_agg asciistr bit_count bit_length bit_or bit_xor char_length character_length coercibility compose convert_tz crc32 cume_dist curtime current_date current_time current_timestamp date_format date_sub datediff dayname dayofmonth dayofweek dayofyear dense_rank encrypt find_in_set from_base64 from_days from_unixtime get_format geomfromtext greatest inet6_ntoa inet_aton inet_ntoa is_free_lock is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_used_lock jsonb_array_elements jsonb_pretty jsonb_insert jsonb_set json_object json_value json_arrayagg json_each json_tree last_day localtime localtimestamp ltrim rtrim makedate maketime monthname microsecond octet_length old_password period_add period_diff polyfromtext pointfromtext pg_column_size pg_database_size pg_relation_size pg_get_userbyid pg_read_binary_file pg_stat_activity pg_advisory_lock pg_terminate_backend regexp_replace regexp_matches regexp_like regexp_substr sec_to_time soundex sp_help sp_who2 sp_oamethod sqlite_source_id stddev_pop stddev_samp str_to_date strcmp strftime subdate substring_index subtime time_format time_to_sec timediff timestampadd timestampdiff to_base64 to_days to_number to_seconds to_timestamp to_char to_date total_changes ucase uncompress uncompressed_length unistr unix_timestamp utc_date utc_time utc_timestamp validate_password_strength var_pop var_samp weekofyear weight_string xp_availablemedia xp_enumdsn xp_loginconfig xp_ntsec xp_servicecontrol xp_subdirs xp_terminate xmlserialize xmlquery xmlparse yearweek st_geomfromtext st_astext object_id object_name col_name type_name db_id user_id hashbytes datalength patindex newsequentialid scope_identity sysdatetime fn_virtualfilestats dbms_metadata dbms_sql dbms_scheduler dbms_assert dbms_output user_defined sys_guid rank_dense bin_to_uuid uuid_to_bin ps_current_thread_id format_bytes any_value bit_xor_agg starts_with_sql lo_create lo_put pg_logdir_ls table_to_xml cursor_to_xml query_to_xmlschema'

/** Words of SQL by the kind of token they are; where a word stands twice, the later kind holds. */
export const keywords: Readonly<Record<string, string>> = {
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
