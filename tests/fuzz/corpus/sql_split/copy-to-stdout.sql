copy t to stdout; COPY (SELECT * FROM t) TO STDOUT WITH CSV; copy t to stdin;
