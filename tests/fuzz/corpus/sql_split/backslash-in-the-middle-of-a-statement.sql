select 1 \gset x
select (2 \i a.sql
); select 3;
