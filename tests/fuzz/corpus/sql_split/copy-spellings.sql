COPY t (a,b) FROM STDIN WITH (FORMAT csv); -- here it comes
1;2
\.
copy "T;" from /* x; */ stdin csv header ; /* y */
1
\.
copy binary t from stdin;
\.
copy
  a.b
  (c)
  from -- from file
  stdin
  with (format csv,
        null 'x'); 
1
\.
copy t from stdout;
\.
select 2;
