create function f() returns trigger language plpgsql as '
begin
  if new.a is null then new.a := ''x;''; end if;
  return new;
end;'; select 1;
