#!/usr/bin/env bash
# From a clone to a trained adapter: installs packages, builds graft, fetches a real model and real data, trains for a few
# minutes, and shows what the model answers before and after. Writes to build/ and out/quickstart, keeps the model in a cache
# folder (fetch_model.sh). May be run again; then it only trains.
#
#   ./configs/quickstart.sh            the whole of it
#   ./configs/quickstart.sh --short    a few steps, into out/quickstart-short: that everything works, for tests
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. configs/packages.sh
. configs/fetch_model.sh

out=out/quickstart
answer_tokens=60
more=()
case ${1-} in
    "") ;;
    --short) out=out/quickstart-short answer_tokens=16 more=(--max_steps 6) ;;
    *) stop "usage: configs/quickstart.sh [--short]" ;;
esac
words=(dentist friendship happiness year)
model=$out/$(basename "$model_gguf")
adapter=$out/adapter

# What the model answers to each word, one file per word: answers NAME [KEY VALUE]...
answers() {
    local name=$1 word
    shift
    for word in "${words[@]}"; do
        build/graft generate --model_name_or_path "$model" "$@" --messages "$out/data/ask-$word.json" \
            --max_new_tokens "$answer_tokens" >"$out/$name-$word.txt" 2>"$out/generate.log" || { cat "$out/generate.log" >&2; exit 1; }
    done
}

show() { tr -s '[:space:]' ' ' <"$2" | fold -s -w 96 | sed "1s/^/    $1/; 2,\$s/^/            /"; echo; }

# eval_loss of each evaluation, in order.
eval_losses() { sed -n 's/^ *"eval_loss": *\([^,]*\),\{0,1\}$/\1/p' "$adapter/trainer_state.json"; }

begin=$SECONDS
say "1/5 packages"
# shellcheck disable=SC2119  # no more than packages.txt names
install_packages

say "2/5 build"
command -v cmake >/dev/null || stop "cmake is not installed"
mkdir -p "$out"
quietly "$out/build.log" cmake -S . -B build
quietly "$out/build.log" cmake --build build --target graft --parallel "$(nproc)"

say "3/5 model and data"
fetch_model
ln -sfn "$model_gguf" "$model"
rows=$(python3 configs/quickstart_rows.py "$out/data")
say "    $model_gguf" "    the Devil's Dictionary: $rows"

say "4/5 training (the answers before it come first)"
answers before
build/graft sft --config configs/quickstart.yaml --model_name_or_path "$model" --dataset_name "$out/data" --output_dir "$adapter" "${more[@]}"
answers after --adapter_name_or_path "$adapter"

say "5/5 four words that it was not trained on"
echo
for word in "${words[@]}"; do
    echo "Define $word."
    show "before  " "$out/before-$word.txt"
    show "after   " "$out/after-$word.txt"
    echo
done
losses=$(eval_losses)
before=$(head -n 1 <<<"$losses") after=$(tail -n 1 <<<"$losses")
cat <<END
eval loss  $(printf '%.3f before, %.3f after' "$before" "$after"), on the entries held out
time       $((SECONDS - begin)) s
adapter    $adapter, for PEFT: PeftModel.from_pretrained(base, "$adapter")
rows       $out/data/train.jsonl, $out/data/test.jsonl
log        $adapter/train.log, $adapter/trainer_state.json
ask it     build/graft generate --adapter_name_or_path $adapter --prompt "Define hope."
END
awk -v before="$before" -v after="$after" 'BEGIN { exit !(after < before) }' || stop "eval loss did not fall"
