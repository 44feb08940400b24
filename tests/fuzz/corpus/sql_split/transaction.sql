begin; select 1; select 2; commit;

begin work;
commit work;
begin transaction isolation level serializable, read write, deferrable; end;
start transaction read only; commit transaction; end transaction; commit and no chain; end work and no chain;

BEGIN; COMMIT;

-- a
begin; -- b
select 1; commit -- c

begin; select 1;

select 1; begin; commit;

begin; commit; select 1;

commit; begin;

begin

rollback; rollback work; rollback and chain; abort; savepoint a; release a; release savepoint a; rollback to a;
rollback work to savepoint a; prepare transaction 'x'; commit prepared 'x'; rollback prepared 'x';
set transaction isolation level serializable; set local transaction read only; set session transaction read only;
commit and chain; end work and chain; rollback transaction to a;

select begin, commit from t; do $$ begin commit; end $$; call p(); comment on table t is 'rollback';
"begin"; create table rollback (savepoint int); prepare transaction as select 1;
