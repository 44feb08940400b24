select 'create function f() begin atomic'; select 1; create view v as select 1 begin; select 2;
create table x (begin atomic); select 3;
