create procedure p() begin atomic end; select 1;
