create unique index concurrently if not exists "a"" b" on only s /* . */ . u&"t" (a);
create index concurrently on t (a);
reindex (verbose, concurrently) index s.i;
alter table if exists only p * detach partition c finalize;
alter table p detach partition c concurrently;
drop index concurrently if;
alter subscription s add publication p;
create temp table t (a int) on commit drop;
set local a = 1;
discard all
