create function f() returns int begin atomic
\i body.sql
; select 1;
