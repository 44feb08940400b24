create function begin() returns int language sql as $$ select 1; $$; select begin();
create function begin(atomic int, begin int) returns int language sql begin atomic select begin(1, 2); end; select 2;
