create table t (atomic int, begin int, "end" int, "case" int); select atomic, begin, "end" from t;
create function f() returns int begin atomic
  select begin, t.end, a as end, b as case, atomic from t;
  select 1 end;
  select 2;
end; select 3;
