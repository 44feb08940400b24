select E'a'
  -- comment;
 'b\';c'; select 2;
select E'a' 'b\'; select 4;
