copy t from stdin;
 \.
\. 
\\.
x\.
\.x
