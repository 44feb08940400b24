CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; CREATE PROCEDURE p() BEGIN ATOMIC SELECT 1; END;
create or replace function f() returns int begin atomic select 1; end; create or replace procedure p() begin/**/atomic select 1;
end; select 2
