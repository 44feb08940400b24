select :x, :'y;', a[1:2], b::text, c := 1; select :"z;";
