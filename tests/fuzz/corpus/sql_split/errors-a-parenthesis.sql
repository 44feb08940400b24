select 1;
create table t (a int, b numeric(1,2);
select (2);
