\set ON_ERROR_STOP on
select 1; \echo a; b
\i other.sql
select 2;
