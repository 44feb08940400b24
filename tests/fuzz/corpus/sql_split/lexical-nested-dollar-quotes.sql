create function f1() returns int language plpgsql as $body$
begin
  perform $q$ ; inner $q$; -- ; comment
  return 1;
end;
$body$;
do $$ begin execute $_$ select ';' $_$; end $$;
