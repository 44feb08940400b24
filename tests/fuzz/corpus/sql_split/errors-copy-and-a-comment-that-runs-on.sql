copy t from stdin; /* a
b */
1
\.
