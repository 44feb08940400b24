select $; select $a; select $1a; select 2;
