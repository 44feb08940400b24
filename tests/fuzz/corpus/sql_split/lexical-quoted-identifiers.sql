select "a;b", "c"";d" from "weird;name"; select U&"\0061;";
