select $A$ $a$; $A$; select 2;
