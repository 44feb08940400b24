insert into t values (1, 'it\'s');
select 2;
