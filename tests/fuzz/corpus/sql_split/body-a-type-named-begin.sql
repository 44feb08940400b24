create function f(a begin) returns begin language sql as 'select 1;'; select 1;
create function f(a begin) returns begin begin atomic select 1; end; select 2;
