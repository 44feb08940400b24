select $$;$$, $a$;$$;$a$, $a$ $b$ ; $a $a$; select $_1$;$_1$; select $é$;$é$;
