create index concurrently i on t (a); CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a);
create index /* x */ concurrently on t (a); drop index concurrently i; drop index concurrently if exists a.i;

create index i on t (a); create unique index "concurrently" on t (a); drop index i; alter index i rename to concurrently_i;
refresh materialized view concurrently v; create index i on t (a) where b = 'concurrently';

reindex table concurrently t; reindex (concurrently) table t; reindex (verbose, concurrently on) index i; reindex schema s;
reindex database d; reindex system d; reindex (verbose) system d; reindex (tablespace x) database concurrently;
reindex index concurrently i; reindex (verbose) table concurrently t; reindex database;

reindex table t; reindex index i; reindex (verbose) table t; reindex (concurrently false) table t; reindex (concurrently off, verbose) index i;

vacuum; VACUUM FULL t; vacuum (analyze, verbose) t;

analyze; select vacuum from t; alter table vacuum add a int; alter table t set (autovacuum_enabled = off);

cluster; cluster verbose; cluster (verbose); cluster t; cluster verbose t using i; cluster (verbose) t; cluster i on t;

create database d; drop database if exists d; alter database d set tablespace x; alter database "d" set tablespace x;
create tablespace x location '/x'; drop tablespace x; alter system set a = 1; alter system reset all;

alter database d set default_tablespace = x; alter database d rename to e; alter table t set tablespace x;
create table t (a int) tablespace x; comment on database d is 'create database'; alter tablespace x rename to y;

alter table t detach partition p concurrently; ALTER TABLE IF EXISTS ONLY a."t" DETACH PARTITION b.p CONCURRENTLY;
alter table t detach partition p; alter table t detach partition p finalize; alter table t * detach partition p concurrently;

create subscription s connection 'create_slot = false' publication p; drop subscription s; alter subscription s refresh publication;
create subscription s connection '' publication p with (create_slot = true, enabled = false);
alter subscription s set publication p; alter subscription s add publication p; alter subscription s drop publication p with (copy_data = false);
alter subscription s refresh publication with (copy_data = false); alter subscription s set (failover = true); alter subscription s set (binary, two_phase);

create subscription s connection '' publication p with (create_slot = false); create subscription s connection '' publication p with (connect = 'off');
create subscription s connection '' publication p with (slot_name = none, CREATE_SLOT = 0);
alter subscription s set publication p with (refresh = false); alter subscription s enable; alter subscription s set (slot_name = none); alter subscription s connection 'x';

discard all; discard temp; discard plans;

alter type e add value 'x'; do $$ begin commit; end $$; call p(); create extension x; truncate t; lock table t; checkpoint;
