select U&"abc;
