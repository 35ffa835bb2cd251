"""Writes tests/golden/gguf/: one file with a key of every kind and a tensor of several types, and a model split in three.

    python tests/peers/golden_gguf.py        made with gguf 0.19.0, numpy 2.4.6
"""
import pathlib

import gguf
import numpy as np

folder = pathlib.Path(__file__).parent / "../golden/gguf"
folder.mkdir(exist_ok=True)

writer = gguf.GGUFWriter(folder / "kinds.gguf", "llama")
writer.add_uint8("t.u8", 250)
writer.add_int8("t.i8", -100)
writer.add_uint16("t.u16", 65000)
writer.add_int16("t.i16", -30000)
writer.add_uint32("t.u32", 4000000000)
writer.add_int32("t.i32", -2000000000)
writer.add_uint64("t.u64", 2**64 - 1)
writer.add_int64("t.i64", -(2**62))
writer.add_float32("t.f32", 0.5)
writer.add_float64("t.f64", 0.1)
writer.add_bool("t.yes", True)
writer.add_bool("t.no", False)
writer.add_string("t.string", "Grüße")
writer.add_string("t.empty", "")
writer.add_array("t.strings", ["a", "", "▁the"])
writer.add_array("t.integers", [1, -2, 3])
writer.add_array("t.reals", [0.25, -1.5])
writer.add_array("t.bools", [True, False])
ramp = np.arange(2 * 64, dtype=np.float32).reshape(2, 64) / 8 - 7
writer.add_tensor("ramp.f32", ramp)
writer.add_tensor("ramp.f16", ramp.astype(np.float16))
writer.add_tensor("ramp.q8_0", gguf.quants.quantize(ramp, gguf.GGMLQuantizationType.Q8_0), raw_dtype=gguf.GGMLQuantizationType.Q8_0)
writer.add_tensor("cube", np.arange(24, dtype=np.int32).reshape(2, 3, 4))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

writer = gguf.GGUFWriter(folder / "split.gguf", "llama", split_max_tensors=1)
writer.add_string("t.string", "first file only")
for i in range(3):
    writer.add_tensor(f"t{i}", np.full(4, i, dtype=np.float32))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
