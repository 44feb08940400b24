select 1 +--;
2; select 3 */*;*/ 4; select 5 @-/*;*/ 6; select 7 -
-8; select 1 <-- ;
2;
