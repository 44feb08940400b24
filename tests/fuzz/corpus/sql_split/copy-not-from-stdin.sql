copy t from '/tmp/stdin'; copy t from program 'cat; stdin'; copy t to 'x'; copy t ("from", stdin) from 'x';
copy (select 1 from stdin) to '/x'; copy "from" from 'stdin'; select 1 from stdin; copy t from "stdin";
