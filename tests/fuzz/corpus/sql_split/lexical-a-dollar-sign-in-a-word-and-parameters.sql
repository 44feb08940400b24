select a$b$c; select $1$x; select $1 ; select a$$; select 2 as b$$;
