select 'é', 'ü'; select 2;
	select 3
  ;/* c */ select 4;
-- comment
select 5;
