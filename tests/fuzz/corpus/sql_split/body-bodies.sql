create function f(a int) returns int language sql
begin atomic
  insert into t values (a, case when a > 1 then 'x;' else 'y' end);
  select case when a = 1 then case a when 2 then 3 end else 4 end;
  select a + 1;
end; select 1;
