set search_path = a, b; set session statement_timeout to 0; set time zone 'UTC'; set role x; set session role x; reset role; reset all; reset search_path;
SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; set schema 'x'; set "a.b" = 1; set local_timeout = 1;

set local search_path = a; set constraints all deferred; set local role x; set local time zone 'UTC'; alter role r set search_path = a; alter database d set x = 1;
update t set a = 1; alter system_table set (a = 1);

set client_encoding = 'UTF8'; set client_encoding to utf8; set names 'utf-8'; set standard_conforming_strings = on; set session standard_conforming_strings to 'on'; SET standard_conforming_strings = TRUE;

load 'auto_explain'; set session authorization x; set local session authorization x; set session session authorization default; reset session authorization;
set session_authorization = 'x'; set local session_authorization to x; reset session_authorization;
set standard_conforming_strings = off; set local standard_conforming_strings to 'off'; set standard_conforming_strings to default;
set client_encoding = 'LATIN1'; set names 'latin1'; set client_encoding to default;

select load from t; create table load (a int); comment on table t is 'set session authorization';

listen a; unlisten *; notify a; notify a, 'listen';

create temp table t (a int); CREATE TEMPORARY TABLE IF NOT EXISTS t (a int) ON COMMIT DELETE ROWS; create local temp table t (a int); create temp sequence s;
create or replace temp view v as select 1; create temporary recursive view v (a) as select 1; create table pg_temp.t (a int); create table if not exists pg_temp.t (a int);
create function pg_temp.f() returns int language sql as 'select 1'; create temp table t as select 1;
select 1 into temp t; select a into temporary table t from u; with x as (select 1) select * into temp "t" from x; select 1 into temp into_x;

create temp table t (a int) on commit drop; create temp table t on commit drop as select 1; create table temp (a int); insert into temp select 1; create unlogged table t (a int);
select 1 into temp from t; select a into t from u; with x as (select 1) insert into temp select * from x; create table pg_temp (a int); select 1 into temp; select 1 into temp where true;

prepare p as select 1; prepare p (int) as select $1; execute p(1); deallocate p; declare c cursor with hold for select 1; declare c binary insensitive scroll cursor with hold for select 1;
declare c cursor for select 1; declare c cursor without hold for select 1; declare c cursor for select a with_hold from t; declare c cursor for select 'with hold'; fetch c; close c;

select pg_advisory_lock(1); SELECT pg_catalog.pg_try_advisory_lock_shared (1, 2); with x as (select pg_advisory_lock_shared(1)) select 1; (select pg_advisory_lock(1));
select pg_advisory_xact_lock(1); select 'pg_advisory_lock(1)'; select pg_advisory_lock from t; select pg_advisory_unlock(1); create view v as select pg_advisory_lock(1); select "pg_advisory_lock"(1);

SELECT pg_catalog.set_config('search_path', '', false); select set_config('a.b', (select max(x) from t), false) from u;
select set_config('a.b', 'false', true); select set_config('a.b', 'x', is_local => false); select set_config('a.b', 'x', true), (false); select 'set_config(a, b, false)'; select set_config from t where (false);
