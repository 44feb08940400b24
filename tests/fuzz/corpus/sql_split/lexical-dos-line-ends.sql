select 1;
-- comment; x
select '
;', 2;

create function f() returns int language sql as $$
select 1;
$$;
select 3
