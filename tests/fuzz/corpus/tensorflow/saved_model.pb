§
"serveë
.
xPlaceholder*
dtype0*
shape:
$
wVarHandleOp*
shared_namew

readReadVariableOpw
0
callPartitionedCallxread*
f	R
scaleF
D

scale
a
b
out
productMulab"
outproduct:z:0*.
serving_default


x
x:0
y
call:0